using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary>Images of one size side by side on white: as many a row as given, else in a square.</summary>
internal sealed class ContactSheet(int? imagesPerRow)
{
    private const int BytesPerPixel = 4;
    private const int Gap = 4;

    private readonly List<byte[]> _images = [];
    private (int Width, int Height, MLPixelFormat Format) _size;

    public void Add(MLImage image)
    {
        _size = (image.Width, image.Height, image.PixelFormat);
        _images.Add(image.Pixels.ToArray());
    }

    public MLImage Draw()
    {
        var columns = imagesPerRow ?? (int)Math.Ceiling(Math.Sqrt(_images.Count));
        var rows = (_images.Count + columns - 1) / columns;
        var (width, height) = (columns * (_size.Width + Gap) + Gap, rows * (_size.Height + Gap) + Gap);
        var sheet = new byte[checked(width * height * BytesPerPixel)];
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
}
