using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary>Images of one size side by side on white.</summary>
/// <param name="count">Number of images.</param>
/// <param name="imagesPerRow">Images per row; the sheet is square if null.</param>
internal sealed class ContactSheet(int count, int? imagesPerRow)
{
    private const int BytesPerPixel = 4;
    private const int Gap = 4;

    // A quarter of a gigabyte: more than anybody needs.
    private const long MostPixels = 1 << 26;

    private readonly List<byte[]> _images = [];
    private (int Width, int Height, MLPixelFormat Format) _size;

    /// <exception cref="UsageException">The sheet would be too large.</exception>
    public void Add(MLImage image)
    {
        _size = (image.Width, image.Height, image.PixelFormat);
        var (width, height) = SizeOf(count);
        if (width * height > MostPixels)
            throw new UsageException($"--grid would make a sheet of {width} × {height} pixels. Request fewer images, or drop --grid.");
        _images.Add(image.Pixels.ToArray());
    }

    public MLImage Render()
    {
        var columns = ColumnsOf(_images.Count);
        var (width, height) = ((int, int))SizeOf(_images.Count);
        var sheet = new byte[width * height * BytesPerPixel];
        sheet.AsSpan().Fill(255);
        for (var i = 0; i < _images.Count; i++)
        {
            var (left, top) = (i % columns * (_size.Width + Gap) + Gap, i / columns * (_size.Height + Gap) + Gap);
            for (var line = 0; line < _size.Height; line++)
            {
                _images[i].AsSpan(line * _size.Width * BytesPerPixel, _size.Width * BytesPerPixel)
                    .CopyTo(sheet.AsSpan(((top + line) * width + left) * BytesPerPixel));
            }
        }
        return MLImage.CreateFromPixels(width, height, _size.Format, sheet);
    }

    private int ColumnsOf(int images) => imagesPerRow ?? (int)Math.Ceiling(Math.Sqrt(images));

    private (long Width, long Height) SizeOf(int images)
    {
        long columns = ColumnsOf(images), rows = (images + columns - 1) / columns;
        return (columns * (_size.Width + Gap) + Gap, rows * (_size.Height + Gap) + Gap);
    }
}
