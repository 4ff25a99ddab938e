using Microsoft.ML.Data;

namespace Dalle.ML.Images;

/// <summary>An image as the graphs take it: red, green and blue planes, [3, height, width], values in 0..1.</summary>
internal sealed record PixelPlanes(int Width, int Height, float[] Values)
{
    private const int Colors = 3;
    private const int BytesPerPixel = 4;

    /// <summary>
    /// The colours of an image; its transparency is shown on white, as on a page. ML.NET keeps colours multiplied by their alpha.
    /// </summary>
    public static PixelPlanes From(MLImage image)
    {
        var (width, height) = (image.Width, image.Height);
        var pixels = image.Pixels;
        var redAt = image.PixelFormat == MLPixelFormat.Bgra32 ? 2 : 0;
        var values = new float[Colors * width * height];
        for (var color = 0; color < Colors; color++)
        {
            var channel = color == 1 ? 1 : color == 0 ? redAt : 2 - redAt;
            var plane = values.AsSpan(color * width * height, width * height);
            for (var i = 0; i < plane.Length; i++)
            {
                var alpha = pixels[i * BytesPerPixel + 3];
                plane[i] = Math.Min(255, pixels[i * BytesPerPixel + channel] + 255 - alpha) / 255f;
            }
        }
        return new PixelPlanes(width, height, values);
    }

    /// <summary>An opaque image with eight bits a colour.</summary>
    public MLImage ToImage()
    {
        var area = Width * Height;
        var pixels = new byte[area * BytesPerPixel];
        for (var i = 0; i < area; i++)
        {
            for (var color = 0; color < Colors; color++)
                pixels[i * BytesPerPixel + 2 - color] = (byte)MathF.Round(Math.Clamp(Values[color * area + i], 0, 1) * 255);
            pixels[i * BytesPerPixel + 3] = 255;
        }
        return MLImage.CreateFromPixels(Width, Height, MLPixelFormat.Bgra32, pixels);
    }
}
