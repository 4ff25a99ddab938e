using System.Globalization;

namespace Dalle.ML.Benchmarks;

/// <summary>The built-in model's steps on threads of other kinds than it has unless told otherwise.</summary>
internal sealed class ThreadMeasurements : IDisposable
{
    private static readonly int[] RowCounts = [1, 8];

    private readonly List<MeasuredDecoder> _decoders = [];
    private readonly List<DecoderMeasurements> _measurements = [];

    public ThreadMeasurements(BuiltInModel model, HardwareMeasurements hardware, DecoderMeasurements standard)
    {
        var all = Environment.ProcessorCount;
        var pinned = string.Join(';', Enumerable.Range(2, all - 1).Select(processor => processor.ToString(CultureInfo.InvariantCulture)));
        Add("1", DalleDevice.Cpu with { IntraOpThreads = 1 });
        foreach (var microseconds in new[] { 0, 5, 10, 20, 100, 10_000 })
            Add($"{all}, spin {microseconds} µs", DalleDevice.Cpu with { IntraOpThreads = all, SpinDuration = TimeSpan.FromMicroseconds(microseconds) });
        if (all > 1)
            Add($"{all}, pinned", DalleDevice.Cpu with { IntraOpThreads = all, IntraOpThreadAffinities = pinned });

        void Add(string name, DalleDevice device)
        {
            var decoder = new MeasuredDecoder($"threads: {name}", new(model.Bundle), device);
            _decoders.Add(decoder);
            _measurements.Add(new DecoderMeasurements(decoder, hardware, RowCounts, rows => [("the default", standard.StepOf(rows))]));
        }
    }

    public IEnumerable<Measurement> All => _measurements.SelectMany(measurements => RowCounts.Select(measurements.StepOf));

    public void Dispose()
    {
        _measurements.ForEach(measurements => measurements.Dispose());
        _decoders.ForEach(decoder => decoder.Dispose());
    }
}
