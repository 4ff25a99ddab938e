using Microsoft.ML.Data;

namespace Standins.Tests.Images;

/// <summary>A colour, whatever the order of bytes of the image that it was read from.</summary>
internal readonly record struct Rgba(byte Red, byte Green, byte Blue, byte Alpha = 255)
{
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

    /// <summary>Colours may be stored multiplied by alpha or not, and rounding differs between decoders.</summary>
    public static void AssertClose(Rgba expected, Rgba actual, string where, int tolerance = 1)
    {
        var premultiplied = expected with
        {
            Red = (byte)(expected.Red * expected.Alpha / 255),
            Green = (byte)(expected.Green * expected.Alpha / 255),
            Blue = (byte)(expected.Blue * expected.Alpha / 255),
        };
        Assert.True(
            expected.Distance(actual) <= tolerance || premultiplied.Distance(actual) <= tolerance,
            $"{where}: expected {expected}, found {actual}");
    }

    private int Distance(Rgba other) =>
        Math.Max(
            Math.Max(Math.Abs(Red - other.Red), Math.Abs(Green - other.Green)),
            Math.Max(Math.Abs(Blue - other.Blue), Math.Abs(Alpha - other.Alpha)));
}
