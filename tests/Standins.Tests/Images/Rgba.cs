using Microsoft.ML.Data;

namespace Standins.Tests.Images;

/// <summary>A colour, whatever the order of bytes of the image that it was read from.</summary>
internal readonly record struct Rgba(byte Red, byte Green, byte Blue, byte Alpha = 255)
{
    /// <summary>What an image stores of this colour.</summary>
    public Rgba Premultiply() => new(Times(Red, Alpha), Times(Green, Alpha), Times(Blue, Alpha), Alpha);

    /// <summary>The pixel as the image stores it: multiplied by alpha.</summary>
    public static Rgba At(MLImage image, int x, int y)
    {
        var pixel = image.Pixels.Slice((y * image.Width + x) * 4, 4);
        return image.PixelFormat switch
        {
            MLPixelFormat.Bgra32 => new Rgba(pixel[2], pixel[1], pixel[0], pixel[3]),
            MLPixelFormat.Rgba32 => new Rgba(pixel[0], pixel[1], pixel[2], pixel[3]),
            var other => throw new InvalidOperationException($"Unexpected pixel format {other}."),
        };
    }

    /// <summary>An image that stores just what <paramref name="color"/> gives.</summary>
    public static MLImage Image(int width, int height, Func<int, int, Rgba> color, MLPixelFormat format = MLPixelFormat.Rgba32)
    {
        var pixels = new byte[width * height * 4];
        for (int i = 0; i < width * height; i++)
        {
            var (red, green, blue, alpha) = color(i % width, i / width);
            byte[] pixel = format == MLPixelFormat.Rgba32 ? [red, green, blue, alpha] : [blue, green, red, alpha];
            pixel.CopyTo(pixels, i * 4);
        }

        return MLImage.CreateFromPixels(width, height, format, pixels);
    }

    /// <summary>Does an image store <paramref name="expected"/>, multiplied by alpha? Rounding differs between decoders.</summary>
    public static void AssertClose(Rgba expected, Rgba actual, string where, int tolerance = 1) =>
        Assert.True(
            expected.Premultiply().Distance(actual) <= tolerance,
            $"{where}: expected {expected.Premultiply()}, found {actual}");

    private static byte Times(byte color, byte alpha) => (byte)Math.Round(color * alpha / 255.0);

    private int Distance(Rgba other) =>
        Math.Max(
            Math.Max(Math.Abs(Red - other.Red), Math.Abs(Green - other.Green)),
            Math.Max(Math.Abs(Blue - other.Blue), Math.Abs(Alpha - other.Alpha)));
}
