using Dalle.ML.Images;
using Microsoft.ML.Data;
using SkiaSharp;

namespace Dalle.ML;

/// <summary>Writes images as the bytes of PNG and JPEG files, for which <see cref="MLImage.Save(string)"/> needs a file.</summary>
/// <example>
/// <code>
/// using var image = model.Generate("an apple on a blue background", seed: 7);
/// stream.Write(image.Image.ToPng());
/// </code>
/// </example>
public static class ImageWriter
{
    private const int Lossless = 100;

    /// <summary>The bytes of an image as a PNG file.</summary>
    /// <param name="image">The image.</param>
    public static byte[] ToPng(this MLImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return Encode(image, SKEncodedImageFormat.Png, Lossless);
    }

    /// <summary>The bytes of an image as a JPEG file, which shows transparency on white.</summary>
    /// <param name="image">The image.</param>
    /// <param name="quality">0 to 100: more is larger and nearer to the image.</param>
    /// <exception cref="ArgumentOutOfRangeException">The quality is out of range.</exception>
    public static byte[] ToJpeg(this MLImage image, int quality = 90)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (quality is < 0 or > 100)
            throw new ArgumentOutOfRangeException(nameof(quality), quality, "The quality must be 0 to 100.");
        using var opaque = PixelPlanes.From(image).ToImage();
        return Encode(opaque, SKEncodedImageFormat.Jpeg, quality);
    }

    private static unsafe byte[] Encode(MLImage image, SKEncodedImageFormat format, int quality)
    {
        var color = image.PixelFormat == MLPixelFormat.Bgra32 ? SKColorType.Bgra8888 : SKColorType.Rgba8888;
        fixed (byte* pixels = image.Pixels)
        {
            using var pixmap = new SKPixmap(new SKImageInfo(image.Width, image.Height, color, SKAlphaType.Premul), (IntPtr)pixels);
            using var file = pixmap.Encode(format, quality)
                ?? throw new InvalidOperationException($"An image of {image.Width} × {image.Height} cannot be written as {format}.");
            return file.ToArray();
        }
    }
}
