using Dalle.ML.Runtime;

namespace Dalle.ML.Benchmarks;

/// <summary>A transformer whose graph samples the tokens: its steps of several rows, sampling included.</summary>
internal sealed class InGraphSamplingMeasurements : IDisposable
{
    private static readonly SamplingParameters SamplingParameters = new(TopK: 256);

    private readonly MeasuredDecoder _decoder;
    private readonly Bound _memory;
    private readonly Lazy<MultipliedWeights> _weights;
    private readonly List<Lazy<SampledDecodeBatch>> _batches = [];

    /// <param name="decoder">The transformer.</param>
    /// <param name="memory">The memory that its weights come from.</param>
    /// <param name="rowCounts">The numbers of rows to measure.</param>
    /// <param name="comparisons">What steps of so many rows are compared with: names and measurements.</param>
    public InGraphSamplingMeasurements(
        MeasuredDecoder decoder, Bound memory, IEnumerable<int> rowCounts, Func<int, IEnumerable<(string Name, Measurement Other)>> comparisons)
    {
        (_decoder, _memory) = (decoder, memory);
        _weights = new(() => decoder.Weights);
        All = [.. rowCounts.Select(rows => Step(rows, [.. comparisons(rows)]))];
    }

    public IReadOnlyList<Measurement> All { get; }

    public void Dispose()
    {
        foreach (var batch in _batches.Where(batch => batch.IsValueCreated))
            batch.Value.Dispose();
    }

    private Measurement Step(int rows, (string Name, Measurement Other)[] comparisons)
    {
        var batch = new Lazy<SampledDecodeBatch>(() => NewBatch(rows));
        _batches.Add(batch);
        return new Measurement($"{_decoder.Name}: step and sample, rows = {rows}", "ms",
            Timing.Of(() => Begin(batch.Value), () => Sample(batch.Value), () => _decoder.Image.Tokens - 1))
        {
            Baselines = [_memory.Measurement, .. comparisons.Select(comparison => comparison.Other)],
            Figures = FiguresOf,
        };

        IEnumerable<Figure> FiguresOf(Results results, Measurement step)
        {
            const double MillisecondsPerSecond = 1000;
            var tokens = rows * MillisecondsPerSecond / results.Median(step);
            yield return new Figure("tokensPerSecond", tokens, $"{tokens:F0} tokens/s");
            yield return _memory.Share(results, step, _weights.Value.Bytes, "memoryShare", "memory bound");
            foreach (var (name, other) in comparisons)
            {
                var cost = results.MedianRatio(step, other);
                yield return new Figure($"times {name}", cost, $"{cost:F2} × {name}");
            }
        }
    }

    private SampledDecodeBatch NewBatch(int rows)
    {
        var draws = _decoder.Image.Tokens * rows;
        var (uniforms, given) = (new double[draws], new long[draws]);
        Array.Fill(uniforms, 0.5);
        Array.Fill(given, -1);
        return _decoder.Session.NewSampledBatch(SamplingParameters, uniforms, given, rows);
    }

    private void Begin(SampledDecodeBatch batch) => batch.Prefill([.. Enumerable.Repeat(_decoder.PromptIds, batch.Rows).SelectMany(ids => ids)]);

    /// <summary>A step waits for none before it; the last one is read, which waits for all.</summary>
    private void Sample(SampledDecodeBatch batch)
    {
        for (var token = 1; token < _decoder.Image.Tokens; token++)
            batch.Decode(reads: token == _decoder.Image.Tokens - 1);
    }
}
