using Dalle.ML.Export;

namespace Dalle.ML.Benchmarks;

/// <summary>Transformers of the size of public models, with random weights, in all precisions that a CPU is quick with.</summary>
internal sealed class GeometryMeasurements : IDisposable
{
    private static readonly int[] RowCounts = [1, 8];

    private readonly List<MeasuredDecoder> _decoders = [];
    private readonly List<DecoderMeasurements> _measurements = [];
    private readonly List<PyTorchDecoder> _baselines = [];

    public GeometryMeasurements(HardwareMeasurements hardware)
    {
        foreach (var (size, layers, dim, heads) in new[] { ("12x512", 12, 512, 8), ("24x1024", 24, 1024, 16) })
        {
            var baseline = new PyTorchDecoder(size, layers, dim, heads);
            _baselines.Add(baseline);
            Add(precision => MeasuredDecoder.Random("dalle", size, precision), rows => PyTorchDecoder.IsInstalled ? [("PyTorch", baseline.Step(rows))] : []);
        }
        Add(precision => MeasuredDecoder.Random("min-dalle", "mini", precision), _ => []);

        void Add(Func<Precision, MeasuredDecoder> decoderOf, Func<int, IEnumerable<(string, Measurement)>> baselines)
        {
            var reference = Measure(Precision.Fp32, baselines);
            foreach (var precision in new[] { Precision.Int8, Precision.Int4 })
                Measure(precision, rows => [("fp32", reference.StepOf(rows))]);

            DecoderMeasurements Measure(Precision precision, Func<int, IEnumerable<(string, Measurement)>> comparisons)
            {
                var decoder = decoderOf(precision);
                _decoders.Add(decoder);
                var measurements = new DecoderMeasurements(decoder, hardware, RowCounts, comparisons);
                _measurements.Add(measurements);
                return measurements;
            }
        }
    }

    public IEnumerable<Measurement> All => _measurements.SelectMany(measurements => measurements.All);

    public void Dispose()
    {
        _measurements.ForEach(measurements => measurements.Dispose());
        _decoders.ForEach(decoder => decoder.Dispose());
        _baselines.ForEach(baseline => baseline.Dispose());
    }
}
