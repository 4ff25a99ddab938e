using Dalle.ML.Runtime;

namespace Dalle.ML.Benchmarks;

/// <summary>The transformer: prompts, and steps of several rows.</summary>
internal sealed class DecoderMeasurements : IDisposable
{
    private const int Candidates = 8;
    private static readonly int[] RowCounts = [1, 2, 4, 8, 16];

    private readonly BuiltInModel _model;
    private readonly HardwareMeasurements _hardware;
    private readonly DecoderBatch _prefix;
    private readonly Dictionary<int, DecoderBatch> _batches;
    private readonly Measurement _prefill;
    private readonly Dictionary<int, Measurement> _steps = [];

    public DecoderMeasurements(BuiltInModel model, HardwareMeasurements hardware)
    {
        (_model, _hardware) = (model, hardware);
        _prefix = model.Decoder.NewBatch(rows: 1);
        _batches = RowCounts.ToDictionary(rows => rows, model.Decoder.NewBatch);
        _prefill = Prefill();
        foreach (var rows in RowCounts)
            _steps.Add(rows, Step(rows));
    }

    public IEnumerable<Measurement> All => [_prefill, PrefillOfCandidates(), NewBatch(), .. _steps.Values, Allocation()];

    /// <summary>Steps after which an image is complete: the first token comes from the prefill.</summary>
    private int Steps => _model.Image.Tokens - 1;

    /// <summary>A step of so many rows, of those that are measured.</summary>
    public Measurement StepOf(int rows) => _steps[rows];

    public void Dispose()
    {
        foreach (var batch in _batches.Values.Append(_prefix))
            batch.Dispose();
    }

    private Measurement Prefill() => new("decoder: prefill", "ms", Timing.Of(() => _prefix.Prefill(_model.PromptIds)))
    {
        Baselines = [_hardware.Products.Measurement],
        Figures = (results, prefill) =>
        {
            var share = _hardware.Products.Share(results, prefill, OperationsOf(_model.PromptIds.Length));
            return [new Figure("productShare", share, $"{share:F2} of the product rate")];
        },
    };

    private Measurement PrefillOfCandidates() => new($"decoder: prefill of {Candidates} candidates", "ms", Timing.Of(() =>
    {
        _prefix.Prefill(_model.PromptIds);
        StartFromPrefix(_batches[Candidates]);
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
        new("decoder: new batch of 1 row", "ms", Timing.Of(() => _model.Decoder.NewBatch(rows: 1).Dispose()));

    private Measurement Step(int rows)
    {
        var batch = _batches[rows];
        var single = _steps.GetValueOrDefault(1);
        var (bytes, operations) = ((double)_model.DecoderWeights * sizeof(float), OperationsOf(rows));
        return new Measurement($"decoder: step, rows = {rows}", "ms", Timing.Of(() => Prepare(batch), () => Draw(batch), Steps))
        {
            Baselines = [.. _hardware.All, .. single is null ? Enumerable.Empty<Measurement>() : [single]],
            Figures = FiguresOfStep,
        };

        IEnumerable<Figure> FiguresOfStep(Results results, Measurement step)
        {
            const double MillisecondsPerSecond = 1000;
            var tokens = rows * MillisecondsPerSecond / results.Median(step);
            yield return new Figure("tokensPerSecond", tokens, $"{tokens:F0} tokens/s");
            var memory = _hardware.Memory.Share(results, step, bytes);
            yield return new Figure("memoryShare", memory, $"{memory:F2} of the memory bound");
            var cache = _hardware.Cache.Share(results, step, bytes);
            yield return new Figure("cacheShare", cache, $"{cache:F2} of the cache bound");
            var products = _hardware.Products.Share(results, step, operations);
            yield return new Figure("productShare", products, $"{products:F2} of the product rate");
            if (single is null)
                yield break;
            var cost = results.Median(step) / results.Median(single);
            yield return new Figure("timesOneRow", cost, $"{cost:F2} × one row");
        }
    }

    private Measurement Allocation()
    {
        var batch = _batches[1];
        return new Measurement("decoder: allocated by a step", "B", Allocations.Of(() => Prepare(batch), () => Draw(batch), Steps));
    }

    private double OperationsOf(int positions) => 2.0 * positions * _model.DecoderWeights;

    private void Prepare(DecoderBatch batch)
    {
        _prefix.Prefill(_model.PromptIds);
        StartFromPrefix(batch);
    }

    private void StartFromPrefix(DecoderBatch batch)
    {
        for (var row = 0; row < batch.Rows; row++)
            batch.CopyRow(_prefix, row);
    }

    /// <summary>Draws a whole image a row, of no meaning: which token comes next makes no difference to the time.</summary>
    private void Draw(DecoderBatch batch)
    {
        for (var step = 0; step < Steps; step++)
        {
            for (var row = 0; row < batch.Rows; row++)
                batch.Ids[row] = _model.Decoder.Graph.ImageIdOffset + (31 * step + 7 * row) % _model.Image.Vocabulary;
            batch.Step();
        }
    }
}
