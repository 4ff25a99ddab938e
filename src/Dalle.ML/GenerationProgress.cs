using Dalle.ML.Images;
using Microsoft.ML.Data;

namespace Dalle.ML;

/// <summary>
/// Progress of a generation. Several candidates are generated at once; image and candidate are those of the first of them. A struct, since one
/// is made at each token.
/// </summary>
public readonly record struct GenerationProgress
{
    /// <summary>Zero-based index of the image being generated.</summary>
    public required int Image { get; init; }

    /// <summary>Number of requested images.</summary>
    public required int Images { get; init; }

    /// <summary>Zero-based index of the candidate being generated, the first of those in the batch.</summary>
    public required int Candidate { get; init; }

    /// <summary>Number of candidates generated for each image.</summary>
    public required int Candidates { get; init; }

    /// <summary>Zero-based index of the network that is running: in DALL·E 2 the prior, then the decoder and upsamplers; else 0.</summary>
    public int Stage { get; init; }

    /// <summary>Number of networks that an image passes through: in DALL·E 2 the prior and all decoders and upsamplers; else 1.</summary>
    public int Stages { get; init; }

    /// <summary>Number of steps done for each image of the batch, in the current stage.</summary>
    public required int Step { get; init; }

    /// <summary>
    /// The image tokens so far of <see cref="Candidate"/>, <see cref="Step"/> of them, for previews. They are valid while the report is handled.
    /// </summary>
    public required ReadOnlyMemory<int> Tokens { get; init; }

    /// <summary>Number of steps that an image takes in the current stage.</summary>
    public required int Steps { get; init; }

    /// <summary>Fraction of all steps done so far, 0 to 1.</summary>
    public required double Fraction { get; init; }

    /// <summary>Time since the generation started.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>The estimate of the finished image, in −1..1; null where there is none. Valid while the report is handled.</summary>
    internal ImageTensor? Estimate { get; init; }

    /// <summary>
    /// The image as a DALL·E 2 model expects it to become, in the size of the current stage; null during its prior, and of a model that samples
    /// tokens. Only while the report is handled; the caller disposes it.
    /// </summary>
    public MLImage? CreatePreview() => Estimate?.ToUnitRange().ToImage();
}
