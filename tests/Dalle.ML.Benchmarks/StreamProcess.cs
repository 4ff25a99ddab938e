using System.Diagnostics;
using System.Globalization;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Benchmarks;

/// <summary>
/// Reads images off a long view and prints the memory that the process takes meanwhile, which should not grow. It takes minutes, and the
/// process should have done nothing else, so that it is not one of the measurements.
/// </summary>
internal static class StreamProcess
{
    /// <summary>The argument by which this program does that.</summary>
    public const string Argument = "--stream";

    private const int Rows = 100_000;
    private const double Mebibyte = 1 << 20;

    private static readonly int[] Stops = [100, 500, 1000, 1500, 2000];

    public static int Run()
    {
        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadFromEnumerable(Enumerable.Range(0, Rows).Select(row => new Row { Prompt = BuiltInModel.Prompt, Seed = (ulong)row }));
        using var transformer = ml.Transforms.DalleGenerate(new DalleGenerateEstimator.Options
        {
            InputColumnName = nameof(Row.Prompt),
            InputSeedColumnName = nameof(Row.Seed),
            Generation = new GenerationOptions { Candidates = 1, Sampling = new SamplingOptions { GuidanceScale = 1 } },
            BatchSize = 4,
        }).Fit(data);

        var clock = Stopwatch.StartNew();
        var (sampled, first) = (0, 0L);
        foreach (var image in transformer.Transform(data).GetColumn<MLImage>("Image").Take(Stops[^1]))
        {
            image.Dispose();
            if (!Stops.Contains(++sampled))
                continue;
            var now = WorkingSet();
            first = sampled == Stops[0] ? now : first;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{sampled,5} of {Rows} rows  {clock.Elapsed.TotalSeconds,6:F1} s  {now / Mebibyte,7:F1} MiB  {now / (double)first - 1,7:+0.0%;-0.0%}  managed {GC.GetTotalMemory(false) / Mebibyte,6:F1} MiB, committed {GC.GetGCMemoryInfo().TotalCommittedBytes / Mebibyte,6:F1} MiB"));
        }
        return 0;
    }

    /// <summary>Without garbage, but with the room that the collector keeps for more.</summary>
    private static long WorkingSet()
    {
        GC.Collect();
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }

    private sealed class Row
    {
        public string Prompt { get; set; } = "";

        public ulong Seed { get; set; }
    }
}
