using Dalle.ML.Export;

namespace Dalle.ML.Benchmarks;

/// <summary>Trained weights in all precisions: speed, size, and how far their logits and greedy tokens are those of fp32.</summary>
internal sealed class PrecisionMeasurements : IDisposable
{
    private static readonly int[] RowCounts = [1, 8];

    private readonly List<MeasuredDecoder> _decoders = [];
    private readonly List<DecoderMeasurements> _measurements = [];

    public PrecisionMeasurements(string checkpoint, HardwareMeasurements hardware)
    {
        if (!Directory.Exists(checkpoint))
        {
            Console.Error.WriteLine($"The precisions are left out: there is no '{checkpoint}' to export.");
            return;
        }
        var (reference, steps) = Add(Precision.Fp32, _ => []);
        var expected = new Lazy<GreedyRun>(() => GreedyRun.Of(reference));
        foreach (var precision in new[] { Precision.Fp16, Precision.Int8, Precision.Int4 })
            Add(precision, rows => [("fp32", steps.StepOf(rows))]);
        All = [.. _measurements.SelectMany(measurements => RowCounts.Select(measurements.StepOf)), .. _decoders.Select(decoder => Size(decoder, expected))];

        (MeasuredDecoder, DecoderMeasurements) Add(Precision precision, Func<int, IEnumerable<(string, Measurement)>> comparisons)
        {
            var decoder = MeasuredDecoder.Trained(checkpoint, precision);
            var measurements = new DecoderMeasurements(decoder, hardware, RowCounts, comparisons);
            _decoders.Add(decoder);
            _measurements.Add(measurements);
            return (decoder, measurements);
        }
    }

    public IReadOnlyList<Measurement> All { get; } = [];

    public void Dispose()
    {
        _measurements.ForEach(measurements => measurements.Dispose());
        _decoders.ForEach(decoder => decoder.Dispose());
    }

    /// <summary>The bundle's size, and what it costs: greedy images against those of fp32, led along the tokens of fp32 and on their own.</summary>
    private static Measurement Size(MeasuredDecoder decoder, Lazy<GreedyRun> expected)
    {
        var figures = new Lazy<Figure[]>(() =>
        {
            var (led, free) = (GreedyRun.Of(decoder, expected.Value.Tokens), GreedyRun.Of(decoder));
            var (largest, mean) = led.DifferenceOfLogits(expected.Value);
            var (tokens, images) = (led.SameTokens(expected.Value), free.SameImages(expected.Value));
            return
            [
                new Figure("largestDifference", largest, $"logits differ by {largest:G2} at most"),
                new Figure("meanDifference", mean, $"{mean:G2} on average"),
                new Figure("sameTokens", tokens, $"{tokens:P1} of greedy tokens as in fp32"),
                new Figure("sameImages", images, $"{images:P0} of whole images"),
            ];
        });
        return new Measurement($"{decoder.Name}: bundle", "B", () => decoder.Bundle.Manifest.Files.Values.Sum(file => file.Size))
        {
            Figures = (_, _) => figures.Value,
        };
    }
}
