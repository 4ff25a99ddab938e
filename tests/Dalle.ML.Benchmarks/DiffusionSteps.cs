using System.Diagnostics;
using System.Globalization;
using Dalle.ML.Bundles;
using Dalle.ML.Runtime;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Dalle.ML.Benchmarks;

/// <summary>
/// A step of each network of a DALL·E 2 model, of one row and of the two of guidance, held against what the machine multiplies at best. Models are
/// large, so they are loaded one after the other and this is not one of the measurements.
/// </summary>
internal static class DiffusionSteps
{
    /// <summary>The argument by which this program does that.</summary>
    public const string Argument = "diffusion";

    private const int ShownKinds = 6;

    /// <param name="folder">The bundle.</param>
    /// <param name="rounds">Samples of each.</param>
    public static int Run(string folder, int rounds)
    {
        var bundle = Bundle.Open(folder);
        if (bundle.Manifest.Unclip is not { } unclip)
            throw new ArgumentException($"'{folder}' is not a model of DALL·E 2.");
        Console.WriteLine(Machine.Describe(Machine.CurrentLoad()));
        using var product = new LargeProduct();
        if (unclip.Prior is { } prior)
            Measure(bundle, prior.File, [1, 2], product, rounds);
        foreach (var (number, stage) in unclip.Stages.Index())
        {
            // Upsamplers are not guided; that of their last steps has the same layers.
            Measure(bundle, stage.File, number == 0 ? [1, 2] : [1], product, rounds);
        }
        return 0;
    }

    // Work in thousands of millions of operations, times in milliseconds.
    private static void Measure(Bundle bundle, string file, int[] rowCounts, LargeProduct product, int rounds)
    {
        const double Giga = 1e9;
        var timeOfProduct = Timing.BestOf(() => product.Multiply());
        var times = rowCounts.ToDictionary(rows => rows, _ => new List<double>());
        var bounds = new List<double>();
        var costs = new Dictionary<int, GraphCost>();
        using (var session = OrtRuntime.CreateSession(bundle, file, DalleDevice.Cpu))
        {
            foreach (var rows in rowCounts)
            {
                using var inputs = new RandomInputs(session, rows);
                Time(session, inputs);
            }
            for (var round = 0; round < rounds; round++)
            {
                bounds.Add(timeOfProduct() / LargeProduct.Operations * Giga);
                foreach (var rows in rowCounts)
                {
                    using var inputs = new RandomInputs(session, rows);
                    times[rows].Add(Time(session, inputs));
                }
            }
        }
        using (var shapes = new InferenceSession(bundle.PathOf(file)))
        {
            foreach (var rows in rowCounts)
            {
                using var inputs = new RandomInputs(shapes, rows);
                costs[rows] = GraphCost.Of(bundle.PathOf(file), inputs.Values);
            }
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\n{file}; large product {1000 / bounds.Min():F0} GFLOP/s at best, {1000 / Results.Median(bounds):F0} as a rule"));
        var isSteady = bounds.Max() / bounds.Min() - 1 <= Bound.MostRange;
        foreach (var rows in rowCounts)
        {
            var (time, work) = (Results.Median(times[rows]), costs[rows].Operations / Giga);
            var share = isSteady ? string.Create(CultureInfo.InvariantCulture, $"{work * bounds.Min() / time:F2} of the best product") : "product unsteady";
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"  {rows} rows: {time:F0} ms ({times[rows].Min():F0} to {times[rows].Max():F0}), {work:F1} GFLOP, {share}; {string.Join(", ", costs[rows].Shares.Take(ShownKinds).Select(part => $"{part.Kind} {part.Share:P0}"))}"));
        }
        if (rowCounts is [1, 2])
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  2 rows together take {Results.Median(times[2].Zip(times[1], (two, one) => two / (2 * one))):F2} of two runs of one"));
    }

    private static double Time(InferenceSession session, RandomInputs inputs)
    {
        using var run = new RunOptions();
        var start = Stopwatch.GetTimestamp();
        session.Run(run, inputs.Values, session.OutputNames).Dispose();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    /// <summary>Inputs of a graph, of the shapes that it declares.</summary>
    private sealed class RandomInputs : IDisposable
    {
        public RandomInputs(InferenceSession session, int rows)
        {
            var random = new Random(1);
            Values = session.InputMetadata.ToDictionary(input => input.Key, input =>
            {
                long[] shape = [.. input.Value.Dimensions.Select(size => size > 0 ? size : (long)rows)];
                var count = shape.Aggregate(1L, (product, size) => product * size);
                return input.Value.ElementDataType switch
                {
                    TensorElementType.Float => Tensor(shape, count, () => random.NextSingle() - 0.5f),
                    TensorElementType.Float16 => Tensor(shape, count, () => (Float16)(random.NextSingle() - 0.5f)),
                    TensorElementType.Int64 => Tensor(shape, count, () => 10L),
                    TensorElementType.Bool => Tensor(shape, count, () => true),
                    var type => throw new NotSupportedException($"The input '{input.Key}' holds {type}."),
                };
            });
        }

        public Dictionary<string, OrtValue> Values { get; }

        public void Dispose()
        {
            foreach (var value in Values.Values)
                value.Dispose();
        }

        private static OrtValue Tensor<T>(long[] shape, long count, Func<T> next)
            where T : unmanaged =>
            OrtValue.CreateTensorValueFromMemory(Enumerable.Range(0, (int)count).Select(_ => next()).ToArray(), shape);
    }
}
