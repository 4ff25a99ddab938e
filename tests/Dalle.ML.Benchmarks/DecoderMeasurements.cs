using Dalle.ML.Runtime;

namespace Dalle.ML.Benchmarks;

/// <summary>A transformer: prompts, and steps of several rows.</summary>
internal sealed class DecoderMeasurements : IDisposable
{
    private const int Candidates = 8;

    private readonly MeasuredDecoder _decoder;
    private readonly HardwareMeasurements _hardware;
    private readonly Lazy<MultipliedWeights> _weights;
    private readonly Lazy<long[]> _prompt;
    private readonly Lazy<LogitsDecodeBatch> _prefix;
    private readonly Dictionary<int, Lazy<LogitsDecodeBatch>> _batches;
    private readonly Measurement _prefill;
    private readonly Dictionary<int, Measurement> _steps = [];

    /// <param name="decoder">The transformer.</param>
    /// <param name="hardware">What its times are held against.</param>
    /// <param name="rowCounts">The numbers of rows to measure steps of, 1 and 8 among them.</param>
    /// <param name="comparisons">What steps of so many rows are compared with besides: names and measurements.</param>
    public DecoderMeasurements(
        MeasuredDecoder decoder, HardwareMeasurements hardware, IReadOnlyList<int> rowCounts,
        Func<int, IEnumerable<(string Name, Measurement Other)>> comparisons)
    {
        (_decoder, _hardware) = (decoder, hardware);
        _weights = new(() => decoder.Weights);
        _prompt = new(() => decoder.PromptIds);
        _prefix = new(() => decoder.Session.NewBatch(rows: 1));
        _batches = rowCounts.ToDictionary(rows => rows, rows => new Lazy<LogitsDecodeBatch>(() => decoder.Session.NewBatch(rows)));
        _prefill = Prefill();
        foreach (var rows in rowCounts)
            _steps.Add(rows, Step(rows, [.. comparisons(rows)]));
    }

    public IEnumerable<Measurement> All => [_prefill, PrefillOfCandidates(), NewBatch(), .. _steps.Values, Allocation()];

    /// <summary>Steps after which an image is complete: the first token comes from the prefill.</summary>
    private int Steps => _decoder.Image.Tokens - 1;

    /// <summary>A step of so many rows, of those that are measured.</summary>
    public Measurement StepOf(int rows) => _steps[rows];

    public void Dispose()
    {
        foreach (var batch in _batches.Values.Append(_prefix).Where(batch => batch.IsValueCreated))
            batch.Value.Dispose();
    }

    private Measurement Prefill() => new($"{_decoder.Name}: prefill", "ms", Timing.Of(() => _prefix.Value.Prefill(_prompt.Value)))
    {
        Baselines = [_hardware.Products.Measurement],
        Figures = (results, prefill) => [_hardware.Products.Share(results, prefill, OperationsOf(_prompt.Value.Length), "productShare", "product rate")],
    };

    private Measurement PrefillOfCandidates() => new($"{_decoder.Name}: prefill of {Candidates} candidates", "ms", Timing.Of(() =>
    {
        _prefix.Value.Prefill(_prompt.Value);
        StartFromPrefix(_batches[Candidates].Value);
    }))
    {
        Baselines = [_prefill],
        Figures = (results, prefill) =>
        {
            var gain = Candidates * results.Median(_prefill) / results.Median(prefill);
            return [new Figure("gain", gain, $"{gain:F1} times faster than {Candidates} prefills")];
        },
    };

    private Measurement NewBatch() =>
        new($"{_decoder.Name}: new batch of 1 row", "ms", Timing.Of(() => _decoder.Session.NewBatch(rows: 1).Dispose()));

    private Measurement Step(int rows, (string Name, Measurement Other)[] comparisons)
    {
        var batch = _batches[rows];
        if (_steps.TryGetValue(1, out var single))
            comparisons = [("one row", single), .. comparisons];
        return new Measurement($"{_decoder.Name}: step, rows = {rows}", "ms", Timing.Of(() => Prepare(batch.Value), () => Sample(batch.Value), () => Steps))
        {
            Baselines = [.. _hardware.All, .. comparisons.Select(comparison => comparison.Other)],
            Figures = FiguresOfStep,
        };

        IEnumerable<Figure> FiguresOfStep(Results results, Measurement step)
        {
            const double MillisecondsPerSecond = 1000;
            var tokens = rows * MillisecondsPerSecond / results.Median(step);
            yield return new Figure("tokensPerSecond", tokens, $"{tokens:F0} tokens/s");
            yield return _hardware.Memory.Share(results, step, _weights.Value.Bytes, "memoryShare", "memory bound");
            yield return _hardware.Cache.Share(results, step, _weights.Value.Bytes, "cacheShare", "cache bound");
            yield return _hardware.Products.Share(results, step, OperationsOf(rows), "productShare", "product rate");
            foreach (var (name, other) in comparisons)
            {
                var cost = results.MedianRatio(step, other);
                yield return new Figure($"times {name}", cost, $"{cost:F2} × {name}");
            }
        }
    }

    private Measurement Allocation()
    {
        var batch = _batches[1];
        return new Measurement($"{_decoder.Name}: allocated by a step", "B", Allocations.Of(() => Prepare(batch.Value), () => Sample(batch.Value), () => Steps));
    }

    private double OperationsOf(int positions) => 2.0 * positions * _weights.Value.Count;

    private void Prepare(LogitsDecodeBatch batch)
    {
        _prefix.Value.Prefill(_prompt.Value);
        StartFromPrefix(batch);
    }

    private void StartFromPrefix(LogitsDecodeBatch batch)
    {
        for (var row = 0; row < batch.Rows; row++)
            batch.CopyRow(_prefix.Value, from: 0, to: row);
    }

    /// <summary>Decodes a whole image a row, of no meaning: which token comes next makes no difference to the time.</summary>
    private void Sample(LogitsDecodeBatch batch)
    {
        for (var step = 0; step < Steps; step++)
        {
            for (var row = 0; row < batch.Rows; row++)
                batch.Ids[row] = _decoder.Graph.ImageIdOffset + (31 * step + 7 * row) % _decoder.Image.CodebookSize;
            batch.Decode();
        }
    }
}
