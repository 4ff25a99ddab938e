using Dalle.ML.Generation.Autoregressive;
using Dalle.ML.Runtime;

namespace Dalle.ML.Benchmarks;

/// <summary>From a prompt to an image.</summary>
internal sealed class GenerationMeasurements : IDisposable
{
    private static readonly int[] CandidateCounts = [4, 8, 16];

    private readonly BuiltInModel _model;
    private readonly DecoderMeasurements _decoder;
    private readonly ImageTokenGenerator _generator;
    private readonly Measurement _single;

    public GenerationMeasurements(BuiltInModel model, DecoderMeasurements decoder)
    {
        (_model, _decoder) = (model, decoder);
        _generator = new ImageTokenGenerator(model.Decoder.Session, textEncoder: null, model.Image);
        _single = Image("image: whole", candidates: 1, (_, _) => []);
    }

    public IEnumerable<Measurement> All => [_single, .. CandidateCounts.Select(Ranked), AllocationOfToken(), AllocationOfImage()];

    public void Dispose() => _generator.Dispose();

    private Measurement Ranked(int candidates) => Image($"image: whole, best of {candidates}", candidates, (results, ranked) =>
    {
        var cost = results.MedianRatio(ranked, _single);
        return [new Figure("timesOneCandidate", cost, $"{cost:F2} × one candidate")];
    }, _single);

    /// <summary>An image with the model's own guidance, which takes two rows of the decoder a candidate.</summary>
    private Measurement Image(
        string name, int candidates, Func<Results, Measurement, IEnumerable<Figure>> figures, params Measurement[] baselines)
    {
        var (options, step) = (new GenerationOptions { Candidates = candidates }, _decoder.StepOf(2 * candidates));
        return new Measurement(name, "ms", Timing.Of(() => _model.Model.Generate(BuiltInModel.Prompt, seed: 1, options).Dispose()))
        {
            Baselines = [step, .. baselines],
            Figures = (results, image) =>
            {
                var share = (_model.Image.Tokens - 1) * results.Median(step) / results.Median(image);
                return [new Figure("stepsShare", share, $"{share:F2} of it steps of the decoder"), .. figures(results, image)];
            },
        };
    }

    private Measurement AllocationOfToken() => new("image: allocated by a token once under way", "B", () =>
    {
        const int First = 8;
        var (last, before, after) = (_model.Image.Tokens - 1, 0L, 0L);
        _ = _generator.Generate([new Sequence(_model.PromptIds, _model.UnconditionalIds, Seed: 1, KnownTokens: null)], new SamplingParameters(Guidance: 2), Note, CancellationToken.None).Single();
        return (after - before) / (double)(last - First);

        void Note(Range sequences, ReadOnlyMemory<int> sampled)
        {
            if (sampled.Length == First)
                before = GC.GetAllocatedBytesForCurrentThread();
            else if (sampled.Length == last)
                after = GC.GetAllocatedBytesForCurrentThread();
        }
    });

    private Measurement AllocationOfImage()
    {
        var options = new GenerationOptions { Candidates = 1 };
        return new Measurement("image: allocated by a whole one", "B", Allocations.Of(Generate, Generate, () => 1));

        void Generate() => _model.Model.Generate(BuiltInModel.Prompt, seed: 1, options).Dispose();
    }
}
