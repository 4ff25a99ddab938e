using Dalle.ML.Images;
using Microsoft.ML.Data;
using SkiaSharp;

namespace Dalle.ML;

/// <summary>Encodes images as PNG and JPEG in memory; <see cref="MLImage.Save(string)"/> needs a file.</summary>
/// <example>
/// <code>
/// using var image = model.Generate("an apple on a blue background", seed: 7);
/// stream.Write(image.Image.ToPng());
/// </code>
/// </example>
public static class ImageWriter
{
    /// <summary>Encodes an image as PNG.</summary>
    /// <param name="image">The image.</param>
    public static byte[] ToPng(this MLImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return Encode(image, pixels => pixels.Encode(SKPngEncoderOptions.Default));
    }

    /// <summary>Encodes an image as JPEG, composited on white, with colours in full resolution.</summary>
    /// <param name="image">The image.</param>
    /// <param name="quality">0 to 100: higher values are larger and closer to the original.</param>
    /// <exception cref="ArgumentOutOfRangeException">The quality is out of range.</exception>
    public static byte[] ToJpeg(this MLImage image, int quality = 90)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (quality is < 0 or > 100)
            throw new ArgumentOutOfRangeException(nameof(quality), quality, "The quality must be 0 to 100.");
        using var opaque = ImageTensor.From(image).ToImage();
        return Encode(opaque, pixels => pixels.Encode(new SKJpegEncoderOptions(quality, SKJpegEncoderDownsample.Downsample444, SKJpegEncoderAlphaOption.Ignore)));
    }

    private static unsafe byte[] Encode(MLImage image, Func<SKPixmap, SKData?> encode)
    {
        var color = image.PixelFormat == MLPixelFormat.Bgra32 ? SKColorType.Bgra8888 : SKColorType.Rgba8888;
        fixed (byte* pixels = image.Pixels)
        {
            using var pixmap = new SKPixmap(new SKImageInfo(image.Width, image.Height, color, SKAlphaType.Premul), (IntPtr)pixels);
            using var file = encode(pixmap) ?? throw new NotSupportedException($"An image of {image.Width} × {image.Height} pixels is too large for the format.");
            // Pinned or not, pixels do not keep their image: the collector may free them while they are read.
            GC.KeepAlive(image);
            return file.ToArray();
        }
    }
}
