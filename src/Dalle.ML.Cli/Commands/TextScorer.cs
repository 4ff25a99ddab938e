using System.CommandLine;
using System.Numerics.Tensors;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary>Scores images against the same texts: by CLIP, or by how likely the transformer holds their tokens after each text.</summary>
internal sealed class TextScorer
{
    public static readonly Option<string> By = new Option<string>("--by")
    {
        HelpName = "judge",
        Description = "clip, or likelihood: log-probability by the transformer.",
        DefaultValueFactory = _ => Clip,
    }.MustBe(text => text is Clip or Likelihood, $"{Clip} or {Likelihood}");

    private const string Clip = "clip";
    private const string Likelihood = "likelihood";

    private readonly Func<MLImage, float[]> _score;

    public TextScorer(ParseResult parsed, DalleModel model, IEnumerable<string> texts, CancellationToken cancellationToken)
    {
        IsLikelihood = parsed.GetValue(By) == Likelihood;
        _score = IsLikelihood ? ByLikelihood(model, [.. texts], cancellationToken) : ByClip(model, [.. texts.Select(model.EmbedText)]);
    }

    /// <summary>Whether scores are in nats, and not scaled cosines.</summary>
    public bool IsLikelihood { get; }

    /// <summary>The score of an image with each text, as <see cref="DalleModel.Score(string, MLImage)"/> or <see cref="DalleModel.LogLikelihood"/> returns it.</summary>
    public float[] Score(MLImage image) => _score(image);

    private static Func<MLImage, float[]> ByClip(DalleModel model, float[][] texts) => image =>
    {
        var embedding = model.EmbedImage(image);
        return Array.ConvertAll(texts, text => model.Info.ClipScale!.Value * TensorPrimitives.Dot<float>(text, embedding));
    };

    private static Func<MLImage, float[]> ByLikelihood(DalleModel model, string[] texts, CancellationToken cancellationToken) => image =>
    {
        var tokens = model.EncodeImage(image);
        var requests = Array.ConvertAll(texts, text => new GenerationRequest(text, Seed: 0) { KnownTokens = tokens });
        return [.. model.LogProbabilities(requests, cancellationToken).Select(probabilities => (float)probabilities.Sum())];
    };
}
