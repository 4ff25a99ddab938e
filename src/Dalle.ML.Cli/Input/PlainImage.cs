using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary>A grey image in a model's size, or 256 × 256 if it has none, for measurements and blanks.</summary>
internal static class PlainImage
{
    private const int BytesPerPixel = 4;
    private const byte Grey = 128;
    private const int SideOfNone = 256;

    public static MLImage For(DalleModelInfo model)
    {
        var (width, height) = model.ImageWidth == 0 ? (SideOfNone, SideOfNone) : (model.ImageWidth, model.ImageHeight);
        var pixels = new byte[BytesPerPixel * width * height];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = i % BytesPerPixel == BytesPerPixel - 1 ? byte.MaxValue : Grey;
        return MLImage.CreateFromPixels(width, height, MLPixelFormat.Bgra32, pixels);
    }
}
