using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Standins.Tests.Images;

/// <summary>A deliberately plain PNG encoder that can write every kind of PNG, and broken ones.</summary>
internal sealed class TestPng
{
    public const int Grey = 0;
    public const int Rgb = 2;
    public const int Palette = 3;
    public const int GreyAlpha = 4;
    public const int Rgba = 6;

    private static readonly (int X, int Y, int StepX, int StepY)[] Adam7 =
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];

    public int Width { get; init; }

    public int Height { get; init; }

    public int BitDepth { get; init; } = 8;

    public int Color { get; init; } = Rgb;

    public bool Interlaced { get; init; }

    public byte[]? Colors { get; init; }

    public byte[]? Transparency { get; init; }

    /// <summary>The filter of each row, by turns.</summary>
    public int[] Filters { get; init; } = [0];

    /// <summary>The sample of a channel at (x, y), of <see cref="BitDepth"/> bits.</summary>
    public Func<int, int, int, int> Sample { get; init; } = (_, _, _) => 0;

    /// <summary>Spoils the filtered rows before they are compressed.</summary>
    public Func<byte[], byte[]> Spoil { get; init; } = rows => rows;

    /// <summary>The compressed data are cut into chunks of this size.</summary>
    public int ChunkSize { get; init; } = int.MaxValue;

    private int Channels => Color switch { Rgb => 3, GreyAlpha => 2, Rgba => 4, _ => 1 };

    public byte[] Encode()
    {
        using var file = new MemoryStream();
        file.Write([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]);

        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, Width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), Height);
        header[8] = (byte)BitDepth;
        header[9] = (byte)Color;
        header[12] = Interlaced ? (byte)1 : (byte)0;
        WriteChunk(file, "IHDR", header);
        WriteChunk(file, "tEXt", Encoding.Latin1.GetBytes("Title\0A test"));
        if (Colors is not null)
            WriteChunk(file, "PLTE", Colors);
        if (Transparency is not null)
            WriteChunk(file, "tRNS", Transparency);
        foreach (var part in Compress(Spoil(Rows())).Chunk(ChunkSize))
            WriteChunk(file, "IDAT", part);
        WriteChunk(file, "IEND", []);
        return file.ToArray();
    }

    /// <summary>The bytes of an RGBA image of one pixel: without neighbours, every filter leaves them as they are.</summary>
    public static byte[] OnlyPixel(byte[] file)
    {
        Assert.Equal([0, 0, 0, 1, 0, 0, 0, 1, 8, Rgba], file[16..26]);
        int type = file.AsSpan().IndexOf("IDAT"u8);
        using var row = new ZLibStream(new MemoryStream(file[(type + 4)..]), CompressionMode.Decompress);
        var filterAndPixel = new byte[5];
        row.ReadExactly(filterAndPixel);
        return filterAndPixel[1..];
    }

    public static void WriteChunk(Stream file, string type, byte[] data)
    {
        byte[] body = [.. Encoding.Latin1.GetBytes(type), .. data];
        var word = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(word, data.Length);
        file.Write(word);
        file.Write(body);
        BinaryPrimitives.WriteUInt32BigEndian(word, Crc(body));
        file.Write(word);
    }

    private byte[] Rows()
    {
        using var rows = new MemoryStream();
        foreach (var (x0, y0, stepX, stepY) in Interlaced ? Adam7 : [(0, 0, 1, 1)])
        {
            byte[]? above = null;
            for (int y = y0, count = 0; y < Height && x0 < Width; y += stepY, count++)
            {
                var row = Row(x0, y, stepX);
                int filter = Filters[count % Filters.Length];
                rows.WriteByte((byte)filter);
                rows.Write(Filter(filter, row, above ?? new byte[row.Length]));
                above = row;
            }
        }

        return rows.ToArray();
    }

    private byte[] Row(int x0, int y, int stepX)
    {
        var bits = new StringBuilder();
        for (int x = x0; x < Width; x += stepX)
        {
            for (int channel = 0; channel < Channels; channel++)
                bits.Append(Convert.ToString(Sample(x, y, channel), 2).PadLeft(BitDepth, '0'));
        }

        return [.. bits.ToString().Chunk(8).Select(b => Convert.ToByte(new string(b).PadRight(8, '0'), 2))];
    }

    private byte[] Filter(int filter, byte[] row, byte[] above)
    {
        int stride = Math.Max(1, Channels * BitDepth / 8);
        return [.. row.Select((value, i) =>
        {
            int a = i < stride ? 0 : row[i - stride];
            int b = above[i];
            int c = i < stride ? 0 : above[i - stride];
            int p = a + b - c;
            int paeth = new[] { a, b, c }.MinBy(n => Math.Abs(p - n));
            return (byte)(value - (filter switch { 1 => a, 2 => b, 3 => (a + b) / 2, 4 => paeth, _ => 0 }));
        })];
    }

    private static byte[] Compress(byte[] rows)
    {
        using var compressed = new MemoryStream();
        using (var zlib = new ZLibStream(compressed, CompressionLevel.Fastest))
            zlib.Write(rows);
        return compressed.ToArray();
    }

    private static uint Crc(byte[] data)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in data)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? 0xEDB88320 ^ (crc >> 1) : crc >> 1;
        }

        return ~crc;
    }
}
