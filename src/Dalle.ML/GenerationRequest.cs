using Dalle.ML.Generation;
using Dalle.ML.Generation.Diffusion;

namespace Dalle.ML;

/// <summary>One image to generate.</summary>
/// <param name="Prompt">What to generate. Words beyond the model's text length are cut off.</param>
/// <param name="Seed">The same prompt, seed and options give the same image, whatever else is generated with it.</param>
public readonly record struct GenerationRequest(string Prompt, ulong Seed)
{
    /// <summary>
    /// The known image tokens in raster order, −1 where the model samples; null to sample all. Known tokens influence those sampled after them.
    /// </summary>
    public IReadOnlyList<int>? KnownTokens { get; init; }

    /// <summary>
    /// The prompt as <see cref="DalleModel.TokenizePrompt"/> returns it; null to tokenize <see cref="Prompt"/>, which CLIP ranks by in either
    /// case.
    /// </summary>
    public IReadOnlyList<int>? PromptTokens { get; init; }

    /// <summary>
    /// Cancels this image alone: the others of its call go on without it, and it is left out of their results. On the CPU its work ends at the next
    /// token or step; on a GPU the tokens of a batch are sampled to their end, unless all of it is cancelled.
    /// </summary>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>The image embedding that the decoder takes; null to sample one from the prompt.</summary>
    internal float[]? ImageEmbedding { get; init; }

    /// <summary>The image whose noise the decoder starts from; null to start from noise of the seed.</summary>
    internal InvertedImage? Inverted { get; init; }

    /// <summary>The pixels that are kept; null to generate all.</summary>
    internal KnownPixels? KnownPixels { get; init; }

    /// <summary>Requests for different images of one prompt. The seeds are derived from the first, which is <paramref name="seed"/> itself.</summary>
    /// <param name="prompt">What to generate.</param>
    /// <param name="seed">Seed of the first image.</param>
    /// <param name="count">Number of images, 0 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is negative.</exception>
    public static IEnumerable<GenerationRequest> Series(string prompt, ulong seed, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        return Enumerable.Range(0, count).Select(image => new GenerationRequest(prompt, Seeds.OfImage(seed, image)));
    }
}
