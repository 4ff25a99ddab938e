using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Benchmarks;

/// <summary>
/// What the ML.NET layer adds to the engine. Images are generated with one candidate and no guidance: what is added does not depend on the
/// image, and is the largest share of the quickest one. The decoder's steps are the same in both, but vary by more than the layer takes,
/// so the difference is taken of what is left without them.
/// </summary>
internal sealed class PipelineMeasurements : IDisposable
{
    private const int Count = 4;

    private readonly BuiltInModel _model;
    private readonly GenerationOptions _generation = new() { Candidates = 1, Sampling = new SamplingOptions { GuidanceScale = 1 } };
    private readonly Row[] _rows =
    [
        .. Enumerable.Range(0, Count).Select(row => new Row { Prompt = BuiltInModel.Prompt, Seed = (ulong)row }),
    ];
    private readonly StepsClock _steps = new();
    private readonly DalleGenerateTransformer _transformer;
    private readonly IDataView _images;

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
    }

    public IEnumerable<Measurement> All
    {
        get
        {
            var row = new Measurement("pipeline: row by the engine alone", "ms", Timing.Of(DrawOne, DrawByEngine, () => Count));
            var engine = new Measurement("pipeline: row by the engine alone, without steps", "ms", TimeWithoutSteps(DrawByEngine));
            var engineBytes = new Measurement(
                "pipeline: allocated by a row of the engine alone", "B", Allocations.Of(DrawOne, DrawByEngine, () => Count));
            return
            [
                row,
                engine,
                new Measurement("pipeline: row, without steps", "ms", TimeWithoutSteps(DrawByPipeline))
                {
                    Baselines = [row, engine],
                    Figures = (results, pipeline) =>
                    {
                        var added = results.Samples(pipeline).Zip(results.Samples(engine), (whole, part) => whole - part).ToArray();
                        var (middle, error) = (Results.Median(added), Results.StandardErrorOfMedian(added));
                        var share = middle / results.Median(row);
                        return
                        [
                            new Figure("addedMilliseconds", middle, $"{middle:F3} ± {error:F3} ms added"),
                            new Figure("addedShare", share, $"{share:P2} of a row by the engine"),
                        ];
                    },
                },
                engineBytes,
                new Measurement("pipeline: allocated by a row", "B", Allocations.Of(DrawOne, DrawByPipeline, () => Count))
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

    public void Dispose() => _transformer.Dispose();

    private Func<double> TimeWithoutSteps(Action draw)
    {
        var whole = Timing.Of(DrawOne, DrawWatched, () => Count);
        return () => whole() - _steps.Milliseconds / Count;

        void DrawWatched()
        {
            _steps.Restart();
            draw();
        }
    }

    /// <summary>Leaves the engine as a row leaves it, whatever was measured before.</summary>
    private void DrawOne() => DrawByEngine(_rows[0]);

    private void DrawByEngine()
    {
        foreach (var row in _rows)
            DrawByEngine(row);
    }

    private void DrawByEngine(Row row) => _model.Model.Generate(row.Prompt, row.Seed, _generation, _steps).Dispose();

    private void DrawByPipeline()
    {
        foreach (var image in _images.GetColumn<MLImage>("Image"))
            image.Dispose();
    }

    private sealed class Row
    {
        public string Prompt { get; set; } = "";

        public ulong Seed { get; set; }
    }
}
