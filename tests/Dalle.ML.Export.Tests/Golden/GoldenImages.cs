using Dalle.ML.Images;
using Microsoft.ML.Data;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>Images of the reference data as a user would have them.</summary>
internal static class GoldenImages
{
    /// <summary>The images of an array [number, height, width, 3] of bytes.</summary>
    public static IEnumerable<MLImage> Read(string path)
    {
        var (shape, bytes) = (Npy.Read(path).Shape, Npy.Read(path).Data);
        return bytes.Chunk(bytes.Length / shape[0])
            .Select(image => MLImage.CreateFromPixels(shape[2], shape[1], MLPixelFormat.Rgba32, [.. image.Chunk(3).SelectMany(color => color.Append(byte.MaxValue))]));
    }

    /// <summary>The planes of all images of such an array.</summary>
    public static float[] Planes(string path) => Planes(Read(path));

    /// <summary>The planes of images as a user gets them, in bytes.</summary>
    public static float[] Planes(IEnumerable<ImageTensor> images) => Planes(images.Select(image => image.ToImage()));

    /// <summary>Red, green and blue planes of values in 0..1.</summary>
    public static float[] Planes(this MLImage image)
    {
        var colors = image.GetBGRPixels;
        var area = colors.Length / 3;
        return [.. Enumerable.Range(0, colors.Length).Select(i => colors[i % area * 3 + 2 - i / area] / 255f)];
    }

    private static float[] Planes(IEnumerable<MLImage> images) => [.. images.SelectMany(image =>
    {
        using (image)
            return image.Planes();
    })];
}
