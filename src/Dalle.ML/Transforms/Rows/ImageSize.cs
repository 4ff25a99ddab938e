using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace Dalle.ML.Transforms.Rows;

/// <summary>The size that a column of images states.</summary>
internal sealed record ImageSize(int Width, int Height)
{
    private const string Pixels = Row.Prefix + nameof(Pixels);

    /// <returns>Null if the column's images are of any size.</returns>
    public static ImageSize? Of(TransformsCatalog transforms, IDataView view, DataViewSchema.Column column)
    {
        if (column.Type.Equals(new ImageDataViewType()))
            return null;

        // The image type does not expose its size, but the type of its pixels does.
        var pixels = transforms.ExtractPixels(Pixels, column.Name, interleavePixelColors: true).Fit(view).GetOutputSchema(view.Schema)[Pixels];
        return pixels.Type is VectorDataViewType { Dimensions: [var height, var width, _] } ? new ImageSize(width, height) : null;
    }

    /// <summary>An image of this size.</summary>
    /// <param name="argb">Alpha, red, green and blue of each pixel, as ExtractPixels gives them.</param>
    public MLImage ToImage(ReadOnlySpan<byte> argb)
    {
        var bgra = argb.ToArray();
        for (var pixel = 0; pixel < bgra.Length; pixel += 4)
            bgra.AsSpan(pixel, 4).Reverse();
        return MLImage.CreateFromPixels(Width, Height, MLPixelFormat.Bgra32, bgra);
    }
}
