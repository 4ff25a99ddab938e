using System.Buffers.Binary;
using SkiaSharp;

namespace Dalle.ML.Images;

/// <summary>The EXIF orientation in a PNG's <c>eXIf</c> chunk, which Skia does not read.</summary>
internal static class PngOrientation
{
    private const int SignatureLength = 8;
    private const int ChunkFrame = 12;
    private const int OrientationTag = 0x0112;
    private const int ShortType = 3;
    private const int EntryLength = 12;

    /// <summary>The orientation that a PNG states; upright if it states none, or none that is valid.</summary>
    public static SKEncodedOrigin Of(ReadOnlySpan<byte> file)
    {
        if (file.Length < SignatureLength)
            return SKEncodedOrigin.TopLeft;
        for (var rest = file[SignatureLength..]; rest.Length >= ChunkFrame;)
        {
            var length = BinaryPrimitives.ReadUInt32BigEndian(rest);
            if (length > rest.Length - ChunkFrame)
                break;
            if (rest[4..].StartsWith("eXIf"u8))
                return InExif(rest.Slice(8, (int)length));
            rest = rest[((int)length + ChunkFrame)..];
        }
        return SKEncodedOrigin.TopLeft;
    }

    /// <summary>The first entry of the tag in the first directory of TIFF data.</summary>
    private static SKEncodedOrigin InExif(ReadOnlySpan<byte> exif)
    {
        var isLittle = exif.StartsWith("II*\0"u8);
        if (exif.Length < 8 || !(isLittle || exif.StartsWith("MM\0*"u8)))
            return SKEncodedOrigin.TopLeft;
        var offset = isLittle ? BinaryPrimitives.ReadUInt32LittleEndian(exif[4..]) : BinaryPrimitives.ReadUInt32BigEndian(exif[4..]);
        if (offset > exif.Length - 2)
            return SKEncodedOrigin.TopLeft;
        var entries = exif[(int)offset..];
        var count = Short(entries);
        entries = entries[2..];
        for (; count > 0 && entries.Length >= EntryLength; count--, entries = entries[EntryLength..])
        {
            if (Short(entries) == OrientationTag && Short(entries[2..]) == ShortType && Short(entries[8..]) is >= 1 and <= 8 and var value)
                return (SKEncodedOrigin)value;
        }
        return SKEncodedOrigin.TopLeft;

        ushort Short(ReadOnlySpan<byte> bytes) => isLittle ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : BinaryPrimitives.ReadUInt16BigEndian(bytes);
    }
}
