using Microsoft.ML.Data;

namespace Dalle.ML.Transforms.Rows;

/// <summary>
/// Copies of images that are kept beyond one row, or given to several readers. ML.NET's getters dispose the image that they returned for the row
/// before, and its transforms dispose those that they read: an image belongs to whoever reads it, until the next row.
/// </summary>
internal static class ImageCopy
{
    public static MLImage Copy(this MLImage image)
    {
        var copy = MLImage.CreateFromPixels(image.Width, image.Height, image.PixelFormat, image.Pixels);
        // A span of pixels does not keep its image: the collector may free them while they are read.
        GC.KeepAlive(image);
        return copy;
    }
}
