using Dalle.ML.Models;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary>A grey image in a model's size, where no particular one is meant.</summary>
internal static class PlainImage
{
    private const int BytesPerPixel = 4;
    private const byte Grey = 128;

    public static MLImage For(DalleModelInfo model)
    {
        var pixels = new byte[BytesPerPixel * model.ImageWidth * model.ImageHeight];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = i % BytesPerPixel == BytesPerPixel - 1 ? byte.MaxValue : Grey;
        return MLImage.CreateFromPixels(model.ImageWidth, model.ImageHeight, MLPixelFormat.Bgra32, pixels);
    }
}
