using System.Buffers.Binary;
using Microsoft.ML.Data;

namespace Dalle.ML.Server.Tests;

/// <summary>Images to upload.</summary>
internal static class Pictures
{
    /// <summary>A white image with transparent pixels.</summary>
    public static MLImage Mask(int width, int height, Func<int, int, bool> isHole) => Paint(width, height, (x, y) => isHole(x, y) ? 0 : uint.MaxValue);

    /// <summary>An opaque image whose colours differ from pixel to pixel.</summary>
    public static MLImage Gradient(int width, int height) => Paint(width, height, (x, y) => 0xFF5A0000 | (uint)(255 * x / width << 8) | (uint)(255 * y / height));

    private static MLImage Paint(int width, int height, Func<int, int, uint> colour)
    {
        var pixels = new byte[width * height * sizeof(uint)];
        for (var i = 0; i < width * height; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(pixels.AsSpan(sizeof(uint) * i), colour(i % width, i / width));
        return MLImage.CreateFromPixels(width, height, MLPixelFormat.Bgra32, pixels);
    }
}
