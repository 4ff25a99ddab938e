using System.Buffers.Binary;

namespace Microsoft.ML.ImageAnalytics.Png;

/// <summary>The first chunk of a PNG file.</summary>
internal readonly record struct PngHeader(int Width, int Height, int BitDepth, PngColor Color, bool Interlaced)
{
    public const int Size = 13;

    /// <summary>The largest image that is read: 512 MiB of pixels. A larger one is taken for an attack on the memory.</summary>
    private const long MaxPixels = 1L << 27;

    /// <summary>The longest row that is read: a reader holds two of them, however few rows there are.</summary>
    private const int MaxRowBytes = 64 << 20;

    public int Channels => Color switch
    {
        PngColor.Rgb => 3,
        PngColor.GreyAlpha => 2,
        PngColor.Rgba => 4,
        _ => 1,
    };

    public int MaxSample => (1 << BitDepth) - 1;

    /// <summary>The distance of a byte to its left neighbour, as the filters see it.</summary>
    public int FilterStride => Math.Max(1, Channels * BitDepth / 8);

    /// <summary>The bytes of a row of <paramref name="width"/> pixels, without the filter's byte.</summary>
    public int RowBytes(int width) => (int)(((long)width * Channels * BitDepth + 7) / 8);

    public static PngHeader Parse(ReadOnlySpan<byte> data)
    {
        if (data.Length != Size)
            throw new InvalidDataException("The PNG file is damaged: its header has the wrong length.");

        uint width = BinaryPrimitives.ReadUInt32BigEndian(data);
        uint height = BinaryPrimitives.ReadUInt32BigEndian(data[4..]);
        var (bitDepth, color, compression, filter, interlace) = (data[8], (PngColor)data[9], data[10], data[11], data[12]);

        if (width is 0 or > int.MaxValue || height is 0 or > int.MaxValue || (long)width * height > MaxPixels)
            throw new InvalidDataException($"The PNG image has {width} x {height} pixels; at least one and at most {MaxPixels} are read.");
        if (!IsAllowed(color, bitDepth))
            throw new InvalidDataException($"The PNG file is damaged: colour type {(byte)color} with {bitDepth} bits does not exist.");
        if (compression != 0 || filter != 0 || interlace > 1)
            throw new InvalidDataException("The PNG file is damaged: it asks for an unknown compression, filter or interlacing.");


        var header = new PngHeader((int)width, (int)height, bitDepth, color, interlace == 1);
        if (header.RowBytes(header.Width) > MaxRowBytes)
            throw new InvalidDataException($"The PNG image has rows of {width} pixels; at most {MaxRowBytes} bytes are read of a row.");
        return header;
    }

    public void Write(Span<byte> data)
    {
        BinaryPrimitives.WriteInt32BigEndian(data, Width);
        BinaryPrimitives.WriteInt32BigEndian(data[4..], Height);
        data[8] = (byte)BitDepth;
        data[9] = (byte)Color;
        data[10] = 0;
        data[11] = 0;
        data[12] = Interlaced ? (byte)1 : (byte)0;
    }

    private static bool IsAllowed(PngColor color, int bitDepth) => color switch
    {
        PngColor.Grey => bitDepth is 1 or 2 or 4 or 8 or 16,
        PngColor.Palette => bitDepth is 1 or 2 or 4 or 8,
        PngColor.Rgb or PngColor.GreyAlpha or PngColor.Rgba => bitDepth is 8 or 16,
        _ => false,
    };
}
