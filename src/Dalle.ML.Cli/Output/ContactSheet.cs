using Microsoft.ML.Data;
using SkiaSharp;

namespace Dalle.ML.Cli;

/// <summary>Images of one size side by side, with captions if the user wants them.</summary>
/// <param name="layout">Columns, gaps, background and captions.</param>
/// <param name="count">Number of images.</param>
/// <param name="imagesPerRow">Images per row if the layout does not say; the sheet is square if null too.</param>
internal sealed class ContactSheet(SheetLayout layout, int count, int? imagesPerRow) : ISheet
{
    // A quarter of a gigabyte: more than anybody needs.
    private const long MostPixels = 1 << 26;

    // Small images get wider columns, so that a few words fit under them, and the longest seed.
    private const int LeastCaptionWidth = 192;
    private const int LinesOfPrompt = 2;

    private readonly List<(byte[] Pixels, string Prompt, string[] Numbers)> _images = [];
    private (int Width, int Height, MLPixelFormat Format) _size;

    private bool HasCaptions => layout.Captions.Count > 0;

    private int CellWidth => HasCaptions ? Math.Max(_size.Width, LeastCaptionWidth) : _size.Width;

    public void Add(GeneratedImage generated, MLImage shown)
    {
        _size = (shown.Width, shown.Height, shown.PixelFormat);
        _images.Add((shown.Pixels.ToArray(), generated.Prompt, layout.NumbersOf(generated)));
        var (width, height) = SizeOf(count, HasCaptions ? (LinesOfPrompt + layout.Captions.Count) * NewFont().LineHeight : 0);
        if (width * height > MostPixels)
            throw new UsageException($"--grid would make a sheet of {width} × {height} pixels. Request fewer images, or drop --grid.");
    }

    public MLImage Render()
    {
        var font = HasCaptions ? NewFont() : null;
        var captions = _images.ConvertAll(image => font is null ? [] : CaptionOf(font, image.Prompt, image.Numbers));
        var captionHeight = font is null ? 0 : captions.Max(lines => lines.Length) * font.LineHeight;
        var (width, height) = ((int, int))SizeOf(_images.Count, captionHeight);

        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Bgra8888, SKAlphaType.Premul));
        using var canvas = new SKCanvas(bitmap);
        canvas.Clear(layout.Background);
        var columns = ColumnsOf(_images.Count);
        for (var i = 0; i < _images.Count; i++)
        {
            var (left, top) = (i % columns * (CellWidth + layout.Gap) + layout.Gap, i / columns * (_size.Height + captionHeight + layout.Gap) + layout.Gap);
            Draw(canvas, _images[i].Pixels, left + (CellWidth - _size.Width) / 2, top + (layout.CaptionsOver ? captionHeight : 0));
            if (font is null)
                continue;
            // Captions of fewer lines stay at their image.
            var first = layout.CaptionsOver ? top + captionHeight - captions[i].Length * font.LineHeight : top + _size.Height;
            foreach (var (number, line) in captions[i].Index())
                font.Draw(canvas, line, left + CellWidth / 2f, first + number * font.LineHeight, TextColor);
        }
        canvas.Flush();
        return MLImage.CreateFromPixels(width, height, MLPixelFormat.Bgra32, bitmap.Bytes);
    }

    /// <summary>Black, or white on what is dark and opaque (ITU-R BT.601).</summary>
    private SKColor TextColor =>
        layout.Background is { Alpha: > 127 } color && 0.299 * color.Red + 0.587 * color.Green + 0.114 * color.Blue < 128 ? SKColors.White : SKColors.Black;

    /// <summary>The lines at an image; a long prompt is cut, numbers are not.</summary>
    private string[] CaptionOf(CaptionFont font, string prompt, string[] numbers) =>
    [
        .. layout.Captions.Contains(SheetLayout.Prompt) ? font.Wrap(prompt, CellWidth, LinesOfPrompt) : [],
        .. font.Fill(numbers, " · ", CellWidth),
    ];

    private void Draw(SKCanvas canvas, byte[] pixels, int left, int top)
    {
        var info = new SKImageInfo(_size.Width, _size.Height, _size.Format == MLPixelFormat.Bgra32 ? SKColorType.Bgra8888 : SKColorType.Rgba8888, SKAlphaType.Premul);
        using var image = SKImage.FromPixelCopy(info, pixels);
        canvas.DrawImage(image, left, top);
    }

    private CaptionFont NewFont() => new(Math.Clamp(CellWidth / 16f, 12, 28));

    private int ColumnsOf(int images) => layout.Columns ?? imagesPerRow ?? (int)Math.Ceiling(Math.Sqrt(images));

    private (long Width, long Height) SizeOf(int images, int captionHeight)
    {
        long columns = ColumnsOf(images), rows = (images + columns - 1) / columns;
        return (columns * (CellWidth + layout.Gap) + layout.Gap, rows * (_size.Height + captionHeight + layout.Gap) + layout.Gap);
    }
}
