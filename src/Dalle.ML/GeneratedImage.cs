using Microsoft.ML.Data;

namespace Dalle.ML;

/// <summary>A generated image and how it came about. Disposing it disposes the image.</summary>
public sealed class GeneratedImage : IDisposable
{
    internal GeneratedImage(MLImage image) => Image = image;

    /// <summary>The picture, opaque, in the model's size.</summary>
    public MLImage Image { get; }

    /// <summary>What was asked for.</summary>
    public required string Prompt { get; init; }

    /// <summary>The seed of the request: it gives this image again, with the same options.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Which of the candidates this is, from 0.</summary>
    public required int Candidate { get; init; }

    /// <summary>The seed that gives this image as the only candidate.</summary>
    public required ulong CandidateSeed { get; init; }

    /// <summary>CLIP's scaled cosine between prompt and image; not-a-number where the bundle has no CLIP.</summary>
    public required float Score { get; init; }

    /// <summary>The image tokens in raster order, each below the size of the model's codebook.</summary>
    public required IReadOnlyList<int> Tokens { get; init; }

    /// <inheritdoc/>
    public void Dispose() => Image.Dispose();
}
