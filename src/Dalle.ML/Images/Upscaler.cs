using System.Globalization;
using Dalle.ML.Bundles;
using Dalle.ML.Runtime;
using Microsoft.ML.Data;

namespace Dalle.ML.Images;

/// <summary>
/// Enlarges images by a network that takes them tile by tile, so that its memory does not grow with the image (Real-ESRGAN, Wang et al. 2021).
/// Thread-safe.
/// </summary>
internal sealed class Upscaler(Bundle bundle, UpscalerGraph graph, DalleDevice device) : IDisposable
{
    private const int Colors = 3;

    private readonly RetryableLazy<GraphSession> _session = new(() => new GraphSession(bundle, graph.File, "pixels", "upscaled", device));

    /// <summary>Enlarges an image: its colours, and its opacity where it is not opaque. A grey image stays grey.</summary>
    /// <exception cref="ArgumentException">The result would be too large.</exception>
    public MLImage Upscale(MLImage image, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        var (width, height) = (image.Width * (long)graph.Factor, image.Height * (long)graph.Factor);
        if (width * height > ImageReader.DefaultMaxPixels)
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"An image of {image.Width} × {image.Height} pixels would be one of {width} × {height}; at most {ImageReader.DefaultMaxPixels / ImageReader.Megapixel} megapixels are made. Reduce it first."), nameof(image));
        }

        using var source = ImageTensor.WithOpacity(image);
        var area = source.Width * source.Height;
        var opacity = source.Values.AsSpan(Colors * area);
        var isOpaque = !opacity.ContainsAnyExcept(1f);
        var colors = Enlarge(source.WithoutOpacity().Values[..(Colors * area)], source.Width, source.Height, isOpaque ? progress : Part(progress, 0), cancellationToken);
        if (!isOpaque)
        {
            float[] alpha = [.. opacity, .. opacity, .. opacity];
            var enlarged = Enlarge(alpha, source.Width, source.Height, Part(progress, 1), cancellationToken).AsSpan(0, colors.Length / Colors);
            for (var i = 0; i < colors.Length; i++)
                colors[i] *= enlarged[i % enlarged.Length];
            colors = [.. colors, .. enlarged];
        }
        return new ImageTensor((int)width, (int)height, colors).ToImage();
    }

    /// <summary>Enlarges three planes of values in 0..1, which become as many.</summary>
    public float[] Enlarge(float[] planes, int width, int height, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        var (rows, columns) = (TileAxis.Cut(height, graph), TileAxis.Cut(width, graph));
        var (factor, result) = (graph.Factor, new float[planes.Length * graph.Factor * graph.Factor]);
        var done = 0;
        foreach (var row in rows.Tiles)
        {
            foreach (var column in columns.Tiles)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var (tile, enlarged) = (new float[Colors * row.Length * column.Length], new float[Colors * row.Length * column.Length * factor * factor]);
                for (int plane = 0, i = 0; plane < Colors; plane++)
                {
                    for (var y = 0; y < row.Length; y++)
                    {
                        var line = (plane * height + rows.Sources[row.Start + y]) * width;
                        for (var x = 0; x < column.Length; x++)
                            tile[i++] = planes[line + columns.Sources[column.Start + x]];
                    }
                }
                _session.Value.Run<float, float>(tile, [1, Colors, row.Length, column.Length], enlarged);
                Paste(enlarged, row, column, result, width * factor, height * factor);
                progress?.Report((double)++done / (rows.Tiles.Count * columns.Tiles.Count));
            }
        }

        var area = width * height;
        var isGrey = planes.AsSpan(0, area).SequenceEqual(planes.AsSpan(area, area)) && planes.AsSpan(0, area).SequenceEqual(planes.AsSpan(2 * area, area));
        for (var i = 0; i < result.Length; i++)
            result[i] = Math.Clamp(result[i], 0, 1);
        if (isGrey)
            MakeGrey(result);
        for (var i = 0; graph.Truncates && i < result.Length; i++)
            result[i] = (float)Math.Truncate(result[i] * 255.0) / 255;
        return result;
    }

    public void Dispose() => _session.Dispose();

    private void Paste(float[] enlarged, TileAxis.Tile row, TileAxis.Tile column, float[] result, int width, int height)
    {
        var factor = graph.Factor;
        var (top, bottom) = (Math.Max(row.Target * factor, 0), Math.Min((row.Target + row.Used) * factor, height));
        var (left, right) = (Math.Max(column.Target * factor, 0), Math.Min((column.Target + column.Used) * factor, width));
        if (right <= left)
            return;
        for (var plane = 0; plane < Colors; plane++)
        {
            for (var y = top; y < bottom; y++)
            {
                var line = plane * row.Length * factor + y - (row.Target - row.Margin) * factor;
                enlarged.AsSpan(line * column.Length * factor + left - (column.Target - column.Margin) * factor, right - left)
                    .CopyTo(result.AsSpan((plane * height + y) * width + left));
            }
        }
    }

    /// <summary>The network tints a grey image; its luma is what it means (ITU-R BT.601, as OpenCV does).</summary>
    private static void MakeGrey(float[] planes)
    {
        var area = planes.Length / Colors;
        for (var i = 0; i < area; i++)
            planes[i] = planes[i + area] = planes[i + 2 * area] = 0.299f * planes[i] + 0.587f * planes[i + area] + 0.114f * planes[i + 2 * area];
    }

    private static Half? Part(IProgress<double>? progress, int half) => progress is null ? null : new(progress, half);

    /// <summary>One of two passes over the same image.</summary>
    private sealed class Half(IProgress<double> whole, int half) : IProgress<double>
    {
        public void Report(double value) => whole.Report((half + value) / 2);
    }
}
