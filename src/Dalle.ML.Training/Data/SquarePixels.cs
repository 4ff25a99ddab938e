using Dalle.ML.Bundles;
using Dalle.ML.Images;
using Microsoft.ML.Data;

namespace Dalle.ML.Training.Data;

/// <summary>Brings an image to the bytes that training reads, by the very steps with which the trained model will read images.</summary>
internal static class SquarePixels
{
    /// <summary>The middle of an image, scaled, on white where it is transparent: rows of red, green, blue.</summary>
    public static byte[] Of(MLImage image, int size)
    {
        using var tensor = ImageTensor.From(image);
        using var square = Resampler.ResizeAndCenterCrop(tensor, size, size, ResampleFilter.Bicubic);
        var (planes, area) = (square.Values, size * size);
        var pixels = new byte[3 * area];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)MathF.Round(planes[i % 3 * area + i / 3] * byte.MaxValue);
        return pixels;
    }

    /// <summary>Mirrors an image left to right, in place.</summary>
    public static void Mirror(Span<byte> pixels, int size)
    {
        for (var row = 0; row < size; row++)
        {
            var line = pixels.Slice(row * size * 3, size * 3);
            line.Reverse();
            for (var x = 0; x < size; x++)
                line.Slice(x * 3, 3).Reverse();
        }
    }
}
