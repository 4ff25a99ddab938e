using System.IO.Compression;

namespace Microsoft.ML.ImageAnalytics.Png;

/// <summary>Reads an image, as W3C's "Portable Network Graphics (PNG) Specification" has it, from a stream that is not trusted.</summary>
internal static class PngReader
{
    /// <summary>Deflate cannot shrink data further than this.</summary>
    private const int MaxDeflateRatio = 1032;

    /// <returns>The size and the pixels: four bytes each, blue, green, red, alpha (not premultiplied, as in the file).</returns>
    /// <exception cref="InvalidDataException">It is another format, or damaged, truncated or unreasonably large.</exception>
    public static (int Width, int Height, byte[] Bgra) Read(Stream stream)
    {
        CheckSignature(stream);

        using var chunk = new MemoryStream();
        if (PngChunk.Read(stream, chunk) != PngChunk.Header)
            throw new InvalidDataException("The PNG file is damaged: it does not begin with its header.");
        var header = PngHeader.Parse(chunk.ToArray());

        byte[] palette = null;
        byte[] transparency = null;
        using var compressed = new MemoryStream();
        for (string type = null; type != PngChunk.End;)
        {
            chunk.SetLength(0);
            type = PngChunk.Read(stream, chunk);
            switch (type)
            {
                case PngChunk.Palette:
                    palette = chunk.ToArray();
                    break;
                case PngChunk.Transparency:
                    transparency = chunk.ToArray();
                    break;
                case PngChunk.Data:
                    chunk.WriteTo(compressed);
                    break;
                case PngChunk.End:
                    break;
                default:
                    // A capital first letter says: without understanding this, nobody can show the image.
                    if (char.IsAsciiLetterUpper(type[0]))
                        throw new InvalidDataException($"The PNG file needs the unknown extension {type}.");
                    break;
            }
        }

        return (header.Width, header.Height, Inflate(header, compressed, new PngPixels(header, palette, transparency)));
    }

    private static void CheckSignature(Stream stream)
    {
        Span<byte> start = stackalloc byte[12];
        int read = stream.ReadAtLeast(start[..PngChunk.Signature.Length], PngChunk.Signature.Length, throwOnEndOfStream: false);
        if (start[..read].SequenceEqual(PngChunk.Signature))
            return;

        read += stream.ReadAtLeast(start[read..], start.Length - read, throwOnEndOfStream: false);
        throw new InvalidDataException(OtherFormats.Name(start[..read]) is { } format
            ? $"It is a {format} image, and this stand-in reads PNG only; the package Microsoft.ML.ImageAnalytics reads other formats."
            : "It is not an image in PNG format.");
    }

    private static byte[] Inflate(PngHeader header, MemoryStream compressed, PngPixels pixels)
    {
        long size = PngPass.Of(header).Sum(pass => (long)pass.Height(header) * (1 + header.RowBytes(pass.Width(header))));
        if (size > compressed.Length * MaxDeflateRatio)
            throw new InvalidDataException($"The PNG file is truncated: its data cannot hold {header.Width} x {header.Height} pixels.");

        compressed.Position = 0;
        using var data = new ZLibStream(compressed, CompressionMode.Decompress);
        var bgra = new byte[header.Width * header.Height * 4];
        foreach (var pass in PngPass.Of(header))
            ReadPass(header, pass, data, pixels, bgra);
        if (Inflate(data, new byte[1]) > 0)
            throw new InvalidDataException("The PNG file is damaged: it has more data than pixels.");
        return bgra;
    }

    private static void ReadPass(PngHeader header, PngPass pass, ZLibStream data, PngPixels pixels, byte[] bgra)
    {
        int width = pass.Width(header);
        var row = new byte[1 + header.RowBytes(width)];
        var above = new byte[row.Length];
        for (int j = 0; j < pass.Height(header); j++)
        {
            if (Inflate(data, row) < row.Length)
                throw new InvalidDataException("The PNG file is truncated: it has fewer data than pixels.");
            PngFilter.Undo(row[0], row.AsSpan(1), above.AsSpan(1), header.FilterStride);
            int first = (pass.Y + j * pass.StepY) * header.Width + pass.X;
            pixels.Expand(row.AsSpan(1), width, bgra.AsSpan(first * 4), pass.StepX);
            (row, above) = (above, row);
        }
    }

    private static int Inflate(ZLibStream data, Span<byte> buffer)
    {
        try
        {
            return data.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"The PNG file is damaged: its data cannot be decompressed. {e.Message}", e);
        }
    }
}
