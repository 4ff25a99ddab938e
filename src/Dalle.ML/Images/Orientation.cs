using System.Runtime.InteropServices;
using Microsoft.ML.Data;
using SkiaSharp;

namespace Dalle.ML.Images;

/// <summary>The EXIF orientation of a picture: how a camera was held. Values 1 to 8 are <see cref="SKEncodedOrigin"/>.</summary>
internal static class Orientation
{
    /// <summary>Copies a bitmap of 32-bit pixels, mirrored and turned so that it is upright.</summary>
    public static unsafe MLImage Upright(SKBitmap bitmap, SKEncodedOrigin origin)
    {
        var pixels = bitmap.GetPixelSpan();
        if (origin is SKEncodedOrigin.TopLeft)
            return MLImage.CreateFromPixels(bitmap.Width, bitmap.Height, MLPixelFormat.Bgra32, pixels);

        var (width, height) = (bitmap.Width, bitmap.Height);
        var source = MemoryMarshal.Cast<byte, int>(pixels);
        var (start, stepRight, stepDown) = origin switch
        {
            SKEncodedOrigin.TopRight => (width - 1, -1, width),
            SKEncodedOrigin.BottomRight => (width * height - 1, -1, -width),
            SKEncodedOrigin.BottomLeft => (width * (height - 1), 1, -width),
            SKEncodedOrigin.LeftTop => (0, width, 1),
            SKEncodedOrigin.RightTop => (width * (height - 1), -width, 1),
            SKEncodedOrigin.RightBottom => (width * height - 1, -width, -1),
            _ => (width - 1, width, -1),
        };
        var liesOnItsSide = Math.Abs(stepDown) == 1;
        if (liesOnItsSide)
            (width, height) = (height, width);
        using var upright = new SKBitmap(new SKImageInfo(width, height, SKColorType.Bgra8888, SKAlphaType.Premul));
        var target = new Span<int>((void*)upright.GetPixels(), width * height);
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
                target[y * width + x] = source[start + x * stepRight + y * stepDown];
        }
        return MLImage.CreateFromPixels(width, height, MLPixelFormat.Bgra32, upright.GetPixelSpan());
    }
}
