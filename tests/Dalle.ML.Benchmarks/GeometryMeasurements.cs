using Dalle.ML.Export;

namespace Dalle.ML.Benchmarks;

/// <summary>Transformers of the size of public models, with random weights, in all precisions that a CPU is quick with.</summary>
internal sealed class GeometryMeasurements : IDisposable
{
    private static readonly int[] RowCounts = [1, 8];

    private readonly List<MeasuredDecoder> _decoders = [];
    private readonly List<DecoderMeasurements> _measurements = [];
    private readonly List<PyTorchDecoder> _pyTorch = [];
    private readonly List<Measurement> _all = [];

    public GeometryMeasurements(HardwareMeasurements hardware)
    {
        foreach (var (size, layers, dim, heads) in new[] { ("12x512", 12, 512, 8), ("24x1024", 24, 1024, 16) })
        {
            var reference = Add(precision => MeasuredDecoder.Random("dalle", size, precision));
            if (!PyTorchDecoder.IsInstalled)
                continue;
            var pyTorch = new PyTorchDecoder(size, layers, dim, heads);
            _pyTorch.Add(pyTorch);
            _all.AddRange(RowCounts.Select(rows => pyTorch.Step(rows, reference.StepOf(rows))));
        }
        Add(precision => MeasuredDecoder.Random("min-dalle", "mini", precision));

        DecoderMeasurements Add(Func<Precision, MeasuredDecoder> decoderOf)
        {
            var reference = Measure(Precision.Fp32, _ => []);
            foreach (var precision in new[] { Precision.Int8, Precision.Int4 })
                Measure(precision, rows => [("fp32", reference.StepOf(rows))]);
            return reference;

            DecoderMeasurements Measure(Precision precision, Func<int, IEnumerable<(string, Measurement)>> comparisons)
            {
                var decoder = decoderOf(precision);
                _decoders.Add(decoder);
                var measurements = new DecoderMeasurements(decoder, hardware, RowCounts, comparisons);
                _measurements.Add(measurements);
                _all.AddRange(measurements.All);
                return measurements;
            }
        }
    }

    public IEnumerable<Measurement> All => _all;

    public void Dispose()
    {
        _measurements.ForEach(measurements => measurements.Dispose());
        _decoders.ForEach(decoder => decoder.Dispose());
        _pyTorch.ForEach(decoder => decoder.Dispose());
    }
}
