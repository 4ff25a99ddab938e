using Dalle.ML.Images;

namespace Dalle.ML.Generation.Diffusion;

/// <summary>An image of which a part is kept, while the rest is painted anew.</summary>
/// <param name="Image">The image, in 0..1, of any size.</param>
/// <param name="IsKept">For each of its pixels whether it is kept.</param>
internal sealed record KnownPixels(ImageTensor Image, bool[] IsKept);

/// <summary>An image whose noise is found by running the decoder backwards (DDIM inversion).</summary>
/// <param name="Image">The image, in 0..1, of any size.</param>
/// <param name="Strength">η of the way back: 0 returns to the image, 1 leaves the least of it.</param>
internal sealed record InvertedImage(ImageTensor Image, float Strength);
