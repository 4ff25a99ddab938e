using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// The two-dimensional Haar wavelet as ru-dALLE's decoder uses it (fbcotter/pytorch_wavelets): an image of half the size, and of each
/// colour what was high in y, high in x, and high in both.
/// </summary>
internal static class HaarWavelet
{
    /// <summary>Channels of the transform: the low band of all colours, then the three high bands of each colour.</summary>
    public const int Channels = Colors * Bands;

    private const int Colors = 3;
    private const int Bands = 4;

    /// <summary>
    /// Mixes the channels, on the first axis, into those of the image: of each colour four, for the pixels of a square line by line, as
    /// <see cref="Layers.PixelShuffle"/> places them.
    /// </summary>
    public static Tensor Invert(Tensor transform)
    {
        var size = transform.Values.Length / Channels;
        var image = new float[transform.Values.Length];
        for (var i = 0; i < image.Length; i++)
        {
            var (color, at) = (i / size / Bands, i % size);
            var (signY, signX) = (1 - 2 * (i / size / 2 % 2), 1 - 2 * (i / size % 2));
            float High(int band) => transform.Values[(Colors + color * (Bands - 1) + band) * size + at];
            image[i] = (transform.Values[color * size + at] + signY * High(0) + signX * High(1) + signY * signX * High(2)) / 2;
        }
        return new Tensor(image, isFloat16: false, transform.Shape);
    }
}
