using SkiaSharp;

namespace Dalle.ML.Training.Tests;

/// <summary>Image files of one colour, or of two halves.</summary>
internal static class Photos
{
    public static void Write(string path, int width, int height, SKColor left, SKColor? right = null)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var bitmap = new SKBitmap(width, height);
        bitmap.Erase(left);
        if (right is { } other)
        {
            using var canvas = new SKCanvas(bitmap);
            using var paint = new SKPaint { Color = other, BlendMode = SKBlendMode.Src };
            canvas.DrawRect(width / 2f, 0, width / 2f, height, paint);
        }
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        File.WriteAllBytes(path, data.ToArray());
    }
}
