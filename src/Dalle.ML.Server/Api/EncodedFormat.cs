using Microsoft.ML.Data;
using SkiaSharp;

namespace Dalle.ML.Server.Api;

/// <summary>A format of image files.</summary>
/// <param name="Name">Its name in the API.</param>
/// <param name="MediaType">Its content type.</param>
/// <param name="Quality">0 to 100; higher is larger and closer to the original.</param>
internal sealed record EncodedFormat(string Name, string MediaType, int Quality = 100)
{
    public static EncodedFormat Png { get; } = new("png", "image/png");

    private static readonly EncodedFormat[] All = [Png, new("jpeg", "image/jpeg"), new("webp", "image/webp")];

    public bool HasQuality => Name != Png.Name;

    public static EncodedFormat Find(string name) => All.Single(format => format.Name == name);

    public byte[] Encode(MLImage image) => Name switch
    {
        "png" => image.ToPng(),
        "jpeg" => image.ToJpeg(Quality),
        _ => ToWebp(image),
    };

    private unsafe byte[] ToWebp(MLImage image)
    {
        var color = image.PixelFormat == MLPixelFormat.Bgra32 ? SKColorType.Bgra8888 : SKColorType.Rgba8888;
        fixed (byte* pixels = image.Pixels)
        {
            using var pixmap = new SKPixmap(new SKImageInfo(image.Width, image.Height, color, SKAlphaType.Premul), (IntPtr)pixels);
            using var file = pixmap.Encode(new SKWebpEncoderOptions(SKWebpEncoderCompression.Lossy, Quality))
                ?? throw new NotSupportedException($"An image of {image.Width} × {image.Height} pixels is too large for WebP.");
            // Pinned or not, pixels do not keep their image: the collector may free them while they are read.
            GC.KeepAlive(image);
            return file.ToArray();
        }
    }
}
