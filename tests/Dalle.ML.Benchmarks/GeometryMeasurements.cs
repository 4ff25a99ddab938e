using Dalle.ML.Export;

namespace Dalle.ML.Benchmarks;

/// <summary>Transformers of the size of public models, with random weights, in all precisions that a CPU is quick with.</summary>
internal sealed class GeometryMeasurements : IDisposable
{
    private static readonly int[] RowCounts = [1, 8];

    private readonly List<MeasuredDecoder> _decoders = [];
    private readonly List<DecoderMeasurements> _measurements = [];
    private readonly List<Measurement> _all = [];

    public GeometryMeasurements(HardwareMeasurements hardware)
    {
        foreach (var size in new[] { "12x512", "24x1024" })
            Add(precision => MeasuredDecoder.Random("dalle", size, precision));
        Add(precision => MeasuredDecoder.Random("min-dalle", "mini", precision));

        void Add(Func<Precision, MeasuredDecoder> decoderOf)
        {
            var reference = Measure(Precision.Fp32, _ => []);
            foreach (var precision in new[] { Precision.Fp16, Precision.Int8, Precision.Int4 })
                Measure(precision, rows => [("fp32", reference.StepOf(rows))]);

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
    }
}
