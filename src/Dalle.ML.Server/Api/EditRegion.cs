using Microsoft.ML.Data;

namespace Dalle.ML.Server.Api;

/// <summary>A rectangle of an image, in its pixels, that is redrawn or kept.</summary>
internal sealed record EditRegion(int X, int Y, int Width, int Height, bool IsKept)
{
    private const int BytesPerPixel = 4;
    private const int AlphaByte = 3;

    /// <summary>The mask that says the same: transparent where the image is redrawn.</summary>
    /// <exception cref="ApiException">The rectangle is not within the image.</exception>
    public MLImage ToMask(int width, int height)
    {
        var name = IsKept ? "keep" : "redraw";
        if (X < 0 || Y < 0 || Width < 1 || Height < 1 || (long)X + Width > width || (long)Y + Height > height)
        {
            throw ApiException.Invalid(
                name, $"'{name}' is {Width} × {Height} pixels at ({X}, {Y}), which is not within the image of {width} × {height} pixels.");
        }
        var pixels = new byte[width * height * BytesPerPixel];
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var isInside = x >= X && x < X + Width && y >= Y && y < Y + Height;
                if (isInside == IsKept)
                    pixels[(y * width + x) * BytesPerPixel + AlphaByte] = byte.MaxValue;
            }
        }
        return MLImage.CreateFromPixels(width, height, MLPixelFormat.Bgra32, pixels);
    }
}
