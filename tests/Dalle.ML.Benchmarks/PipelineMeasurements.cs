using System.Diagnostics;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Benchmarks;

/// <summary>
/// What the ML.NET layer adds to the engine. Images are generated with one candidate and no guidance: what is added does not depend on the
/// image, and is the largest share of the quickest one. The decoder's steps are the same in both, but vary by more than the layer takes,
/// so they are not counted; and rows by both alternate, so that whatever slows the machine down slows both. Tokens of prompts, which take the
/// engine next to no time, tell what the same layer takes by itself.
/// </summary>
internal sealed class PipelineMeasurements : IDisposable
{
    private const int Count = 16;
    private const int PromptCount = 1000;

    private readonly BuiltInModel _model;
    private readonly GenerationOptions _generation = new() { Candidates = 1, Sampling = new SamplingOptions { GuidanceScale = 1 } };
    private readonly Row[] _rows =
    [
        .. Enumerable.Range(0, Count).Select(row => new Row { Prompt = BuiltInModel.Prompt, Seed = (ulong)row }),
    ];
    private readonly StepsClock _steps = new();
    private readonly DalleGenerateTransformer _transformer;
    private readonly IDataView _images;
    private readonly TokenizePromptTransformer _tokenizer;
    private readonly IDataView _tokens;

    public PipelineMeasurements(BuiltInModel model)
    {
        _model = model;
        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadFromEnumerable(_rows);
        _transformer = ml.Transforms.DalleGenerate(new DalleGenerateEstimator.Options
        {
            InputColumnName = nameof(Row.Prompt),
            InputSeedColumnName = nameof(Row.Seed),
            OutputColumnName = "Image",
            Generation = _generation,
            Progress = _steps,
        }).Fit(data);
        _images = _transformer.Transform(data);
        var prompts = ml.Data.LoadFromEnumerable(Enumerable.Repeat(_rows[0], PromptCount));
        _tokenizer = ml.Transforms.TokenizePrompt("Tokens", nameof(Row.Prompt)).Fit(prompts);
        _tokens = _tokenizer.Transform(prompts);
    }

    public IEnumerable<Measurement> All
    {
        get
        {
            var row = new Measurement("pipeline: row by the engine alone", "ms", Timing.Of(() => { }, GenerateAll, () => Count));
            var tokens = new Measurement("pipeline: tokens by the engine alone", "ms", Timing.Of(() => { }, TokenizeAll, () => PromptCount));
            var engineBytes = new Measurement("pipeline: allocated by a row of the engine alone", "B", Allocations.Of(GenerateFirst, GenerateAll, () => Count));
            return
            [
                row,
                new Measurement("pipeline: added to a row", "ms", Added)
                {
                    Baselines = [row],
                    Figures = (results, added) =>
                    {
                        var (share, error) = (results.Median(added) / results.Median(row), Results.StandardErrorOfMedian(results.Samples(added)) / results.Median(row));
                        return [new Figure("addedShare", share, $"{share:P2} ± {error:P2} of a row by the engine")];
                    },
                },
                tokens,
                new Measurement("pipeline: tokens", "ms", Timing.Of(() => { }, ReadTokens, () => PromptCount))
                {
                    Baselines = [tokens, row],
                    Figures = (results, pipeline) =>
                    {
                        const double Microseconds = 1000;
                        var added = results.Median(pipeline) - results.Median(tokens);
                        return [new Figure("addedToTokens", added, $"{Microseconds * added:F1} µs added, {added / results.Median(row):P3} of a row by the engine")];
                    },
                },
                engineBytes,
                new Measurement("pipeline: allocated by a row", "B", Allocations.Of(GenerateFirst, ReadAll, () => Count))
                {
                    Baselines = [engineBytes],
                    Figures = (results, pipeline) =>
                    {
                        var added = results.Median(pipeline) - results.Median(engineBytes);
                        return [new Figure("addedBytes", added, $"{added:F0} B added")];
                    },
                },
            ];
        }
    }

    public void Dispose()
    {
        _transformer.Dispose();
        _tokenizer.Dispose();
    }

    /// <summary>How much longer a row takes by the pipeline than by the engine, opening and closing its cursor included.</summary>
    private double Added()
    {
        using var images = _images.GetColumn<MLImage>("Image").GetEnumerator();
        var added = 0.0;
        foreach (var (index, row) in _rows.Index())
        {
            // Which is first must not matter.
            if (index % 2 == 0)
                added -= TimeWithoutSteps(() => Generate(row));
            added += TimeWithoutSteps(() => ReadNext(images));
            if (index % 2 == 1)
                added -= TimeWithoutSteps(() => Generate(row));
        }
        return (added + TimeWithoutSteps(() => images.MoveNext())) / Count;
    }

    private double TimeWithoutSteps(Action action)
    {
        _steps.Restart();
        var start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds - _steps.Milliseconds;
    }

    private void GenerateFirst() => Generate(_rows[0]);

    private void GenerateAll()
    {
        foreach (var row in _rows)
            Generate(row);
    }

    private void Generate(Row row) => _model.Model.Generate(row.Prompt, row.Seed, _generation, _steps).Dispose();

    private void ReadAll()
    {
        foreach (var image in _images.GetColumn<MLImage>("Image"))
            image.Dispose();
    }

    private void TokenizeAll()
    {
        for (var prompt = 0; prompt < PromptCount; prompt++)
            _model.Model.TokenizePrompt(_rows[0].Prompt);
    }

    private void ReadTokens()
    {
        using var tokens = _tokens.GetColumn<int[]>("Tokens").GetEnumerator();
        while (tokens.MoveNext())
            _ = tokens.Current;
    }

    private static void ReadNext(IEnumerator<MLImage> images)
    {
        images.MoveNext();
        images.Current.Dispose();
    }

    private sealed class Row
    {
        public string Prompt { get; set; } = "";

        public ulong Seed { get; set; }
    }
}
