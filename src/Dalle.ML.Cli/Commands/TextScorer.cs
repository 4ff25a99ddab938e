using System.CommandLine;
using System.Numerics.Tensors;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary>Scores images against the same texts: by CLIP, or by how likely the transformer holds their tokens after each text.</summary>
internal static class TextScorer
{
    public const string Clip = "clip";
    public const string Likelihood = "likelihood";
    public const string Perplexity = "perplexity";

    /// <summary>An option for one of some judges.</summary>
    public static Option<string> NewOption(string name, string description, params string[] judges) =>
        new Option<string>(name) { HelpName = "judge", Description = description, DefaultValueFactory = _ => Clip }
            .MustBe(text => judges.Contains(text), $"{string.Join(", ", judges[..^1])} or {judges[^1]}");

    /// <summary>
    /// Gives the score of an image with each text, as <see cref="DalleModel.Score(string, MLImage)"/>, <see cref="DalleModel.LogLikelihood"/> or
    /// <see cref="DalleModel.Perplexity"/> does.
    /// </summary>
    /// <param name="judge">Clip, likelihood or perplexity.</param>
    /// <param name="model">The model.</param>
    /// <param name="texts">The texts.</param>
    /// <param name="arePhrases">Whether the texts are whole phrases, of which CLIP makes no others.</param>
    /// <param name="cancellationToken">Interrupts.</param>
    public static Func<MLImage, float[]> Create(string judge, DalleModel model, IEnumerable<string> texts, bool arePhrases, CancellationToken cancellationToken) => judge switch
    {
        Clip => ByClip(model, [.. texts.Select(text => arePhrases ? model.EmbedPlainText(text) : model.EmbedText(text))]),
        Likelihood => ByTransformer(model, [.. texts], probabilities => (float)probabilities.Sum(), cancellationToken),
        _ => ByTransformer(model, [.. texts], ImagePerplexity.Of, cancellationToken),
    };

    private static Func<MLImage, float[]> ByClip(DalleModel model, float[][] texts) => image =>
    {
        var embedding = model.EmbedImage(image);
        return Array.ConvertAll(texts, text => model.Info.ClipScale!.Value * TensorPrimitives.Dot<float>(text, embedding));
    };

    private static Func<MLImage, float[]> ByTransformer(
        DalleModel model, string[] texts, Func<IReadOnlyList<double>, float> score, CancellationToken cancellationToken) => image =>
    {
        var tokens = model.EncodeImage(image);
        var requests = Array.ConvertAll(texts, text => new GenerationRequest(text, Seed: 0) { KnownTokens = tokens });
        return [.. model.LogProbabilities(requests, cancellationToken).Select(score)];
    };
}
