using Microsoft.ML.Data;

namespace Dalle.ML;

/// <summary>A generated image and how it was generated. Disposing this disposes the image.</summary>
public sealed class GeneratedImage : IDisposable
{
    internal GeneratedImage(MLImage image) => Image = image;

    /// <summary>The image, opaque, in the model's size.</summary>
    public MLImage Image { get; }

    /// <summary>Zero-based index of its request among those of the call.</summary>
    public int Index { get; init; }

    /// <summary>The prompt of the request.</summary>
    public required string Prompt { get; init; }

    /// <summary>The seed of the request, which generates this image again with the same options.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Zero-based index of the candidate.</summary>
    public required int Candidate { get; init; }

    /// <summary>The seed that generates this image as the only candidate.</summary>
    public required ulong CandidateSeed { get; init; }

    /// <summary>
    /// How well the image fits the prompt, by CLIP: the cosine of their embeddings times <see cref="DalleModelInfo.ClipScale"/>, which is the most it can be. Higher is better;
    /// scores compare only within one CLIP. Not-a-number if the bundle has no CLIP.
    /// </summary>
    public required float Score { get; init; }

    /// <summary>
    /// How much the image tokens surprise the transformer, given the prompt: the mean of 1/p over all tokens but the first (ai-forever/ru-dalle), without
    /// guidance or filters. Lower is better; 1 is the least. Not-a-number unless <see cref="GenerationOptions.RankBy"/> asks for it.
    /// </summary>
    public float Perplexity { get; init; } = float.NaN;

    /// <summary>
    /// Number of text tokens at the end of the prompt that the transformer did not see, because they are beyond its length; 0 if it saw the whole prompt.
    /// </summary>
    public int CutTokens { get; init; }

    /// <summary>The image tokens in raster order, each below the size of the model's codebook.</summary>
    public required IReadOnlyList<int> Tokens { get; init; }

    /// <inheritdoc/>
    public void Dispose() => Image.Dispose();
}
