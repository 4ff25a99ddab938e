using System.IO.Compression;
using Microsoft.ML.Data;

namespace Microsoft.ML.ImageAnalytics.Png;

/// <summary>
/// Writes an image as PNG: RGB where every pixel is opaque, else RGBA. The colours of an image are multiplied by alpha and those of
/// PNG are not, so they are divided by it. The same pixels give the same bytes.
/// </summary>
internal static class PngWriter
{
    public static void Write(Stream stream, MLImage image)
    {
        bool opaque = IsOpaque(image.Pixels);
        var header = new PngHeader(image.Width, image.Height, BitDepth: 8, opaque ? PngColor.Rgb : PngColor.Rgba, Interlaced: false);
        Span<byte> headerData = stackalloc byte[PngHeader.Size];
        header.Write(headerData);

        stream.Write(PngChunk.Signature);
        PngChunk.Write(stream, PngChunk.Header, headerData);
        PngChunk.Write(stream, PngChunk.Data, Deflate(header, image));
        PngChunk.Write(stream, PngChunk.End, []);
    }

    private static byte[] Deflate(PngHeader header, MLImage image)
    {
        using var compressed = new MemoryStream();
        using (var data = new ZLibStream(compressed, CompressionLevel.Optimal))
        {
            int rowBytes = header.RowBytes(header.Width);
            var (row, above) = (new byte[rowBytes], new byte[rowBytes]);
            var (best, candidate) = (new byte[rowBytes], new byte[rowBytes]);
            for (int y = 0; y < image.Height; y++)
            {
                CopyRow(image, y, header.Channels, row);
                int bestFilter = 0;
                long bestCost = long.MaxValue;
                for (int filter = 0; filter < PngFilter.Count; filter++)
                {
                    PngFilter.Apply(filter, row, above, header.FilterStride, candidate);
                    long cost = Cost(candidate);
                    if (cost < bestCost)
                    {
                        (bestFilter, bestCost) = (filter, cost);
                        (best, candidate) = (candidate, best);
                    }
                }

                data.WriteByte((byte)bestFilter);
                data.Write(best);
                (row, above) = (above, row);
            }
        }

        return compressed.ToArray();
    }

    /// <summary>The customary guess at which filter compresses best: the smallest sum of absolute differences.</summary>
    private static long Cost(ReadOnlySpan<byte> differences)
    {
        long sum = 0;
        foreach (byte difference in differences)
            sum += Math.Abs((int)(sbyte)difference);
        return sum;
    }

    private static void CopyRow(MLImage image, int y, int channels, Span<byte> row)
    {
        var pixels = image.Pixels.Slice(y * image.Width * 4, image.Width * 4);
        var (red, blue) = image.PixelFormat == MLPixelFormat.Bgra32 ? (2, 0) : (0, 2);
        for (int from = 0, to = 0; from < pixels.Length; from += 4, to += channels)
        {
            byte alpha = pixels[from + 3];
            row[to] = Unpremultiplied(pixels[from + red], alpha);
            row[to + 1] = Unpremultiplied(pixels[from + 1], alpha);
            row[to + 2] = Unpremultiplied(pixels[from + blue], alpha);
            if (channels == 4)
                row[to + 3] = alpha;
        }
    }

    /// <summary>Nobody checks the pixels that an image is made of: a colour may be greater than its alpha.</summary>
    private static byte Unpremultiplied(byte color, byte alpha) =>
        alpha == 0 ? (byte)0 : (byte)Math.Min((color * 255 + alpha / 2) / alpha, byte.MaxValue);

    private static bool IsOpaque(ReadOnlySpan<byte> pixels)
    {
        for (int i = 3; i < pixels.Length; i += 4)
        {
            if (pixels[i] != byte.MaxValue)
                return false;
        }

        return true;
    }
}
