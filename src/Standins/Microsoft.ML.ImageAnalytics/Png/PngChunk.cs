using System.Buffers.Binary;
using System.Text;

namespace Microsoft.ML.ImageAnalytics.Png;

/// <summary>The blocks that a PNG file is made of: length, type, data, checksum.</summary>
internal static class PngChunk
{
    public const string Header = "IHDR";
    public const string Palette = "PLTE";
    public const string Transparency = "tRNS";
    public const string Data = "IDAT";
    public const string End = "IEND";

    public static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    private static readonly uint[] CrcTable = MakeCrcTable();

    /// <summary>Reads one chunk, appends its data to <paramref name="data"/> if they are of use, and returns its type.</summary>
    /// <remarks>A chunk's length is a promise of an untrusted file: memory grows with what is really there, not with the promise.</remarks>
    public static string Read(Stream stream, MemoryStream data)
    {
        Span<byte> word = stackalloc byte[4];
        ReadExactly(stream, word);
        uint left = BinaryPrimitives.ReadUInt32BigEndian(word);
        if (left > int.MaxValue)
            throw new InvalidDataException("The PNG file is damaged: a chunk is longer than the format allows.");

        ReadExactly(stream, word);
        uint crc = Crc(uint.MaxValue, word);
        string type = Encoding.Latin1.GetString(word);

        bool isOfUse = type is Header or Palette or Transparency or Data;
        Span<byte> block = stackalloc byte[4096];
        while (left > 0)
        {
            var part = block[..(int)Math.Min(left, (uint)block.Length)];
            ReadExactly(stream, part);
            crc = Crc(crc, part);
            if (isOfUse)
                data.Write(part);
            left -= (uint)part.Length;
        }

        ReadExactly(stream, word);
        if (BinaryPrimitives.ReadUInt32BigEndian(word) != ~crc)
            throw new InvalidDataException($"The PNG file is damaged: the checksum of its {type} chunk does not match.");
        return type;
    }

    public static void Write(Stream stream, string type, ReadOnlySpan<byte> data)
    {
        Span<byte> word = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(word, data.Length);
        stream.Write(word);

        Encoding.Latin1.GetBytes(type, word);
        stream.Write(word);
        stream.Write(data);

        BinaryPrimitives.WriteUInt32BigEndian(word, ~Crc(Crc(uint.MaxValue, word), data));
        stream.Write(word);
    }

    private static void ReadExactly(Stream stream, Span<byte> buffer)
    {
        if (stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false) < buffer.Length)
            throw new InvalidDataException("The PNG file is truncated.");
    }

    private static uint Crc(uint crc, ReadOnlySpan<byte> data)
    {
        foreach (byte b in data)
            crc = CrcTable[(byte)(crc ^ b)] ^ (crc >> 8);
        return crc;
    }

    private static uint[] MakeCrcTable()
    {
        var table = new uint[256];
        for (uint i = 0; i < table.Length; i++)
        {
            uint value = i;
            for (int bit = 0; bit < 8; bit++)
                value = (value & 1) != 0 ? 0xEDB88320 ^ (value >> 1) : value >> 1;
            table[i] = value;
        }

        return table;
    }
}
