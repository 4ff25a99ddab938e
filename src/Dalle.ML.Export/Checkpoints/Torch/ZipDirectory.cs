using System.Buffers.Binary;
using System.Text;

namespace Dalle.ML.Export.Checkpoints;

/// <summary>
/// The entries of a zip file and where their bytes lie. .NET's own reader does not tell this, and it is what lets a storage of
/// gigabytes be read in place. Nothing is ever inflated.
/// </summary>
/// <remarks>Format: PKWARE's APPNOTE, with zip64.</remarks>
internal sealed class ZipDirectory
{
    private const int MaxDirectoryBytes = 1 << 24;
    private const int EndBytes = 22;
    private const int Zip64LocatorBytes = 20;
    private const int Zip64EndBytes = 56;
    private const int EntryBytes = 46;
    private const int LocalHeaderBytes = 30;
    private const int Zip64Extra = 1;

    private readonly CheckpointFile _file;
    private readonly Dictionary<string, Entry> _entries = [];

    private ZipDirectory(CheckpointFile file) => _file = file;

    private readonly record struct Entry(bool IsStored, long Length, long LocalHeader);

    /// <summary>Names in the order of the directory.</summary>
    public IEnumerable<string> Names => _entries.Keys;

    /// <exception cref="InvalidDataException">It is not a zip file, or not a complete one.</exception>
    public static ZipDirectory Read(CheckpointFile file)
    {
        var zip = new ZipDirectory(file);
        var (offset, length) = FindDirectory(file);
        zip.AddEntries(file.Read("its zip directory", offset, length, MaxDirectoryBytes));
        return zip;
    }

    public bool Contains(string name) => _entries.ContainsKey(name);

    /// <summary>Where the bytes of an entry lie.</summary>
    /// <exception cref="InvalidDataException">There is no such entry, it is compressed, or it is not within the file.</exception>
    public (long Offset, long Length) Find(string name)
    {
        if (!_entries.TryGetValue(name, out var entry))
            throw new InvalidDataException($"its zip directory has no entry '{name}'.");
        if (!entry.IsStored)
            throw new InvalidDataException($"entry '{name}' is compressed. PyTorch stores its entries uncompressed: the file was "
                + "repacked. Pack it without compression, or get the original.");
        var header = _file.Read($"the header of entry '{name}'", entry.LocalHeader, LocalHeaderBytes, LocalHeaderBytes);
        if (!header.AsSpan().StartsWith("PK\u0003\u0004"u8))
            throw new InvalidDataException($"entry '{name}' does not begin at the place stated in the zip directory.");
        var offset = entry.LocalHeader + LocalHeaderBytes + UInt16(header, 26) + UInt16(header, 28);
        return offset <= _file.Length - entry.Length
            ? (offset, entry.Length)
            : throw new InvalidDataException($"entry '{name}' of {entry.Length} bytes goes beyond the end of the file.");
    }

    /// <summary>The directory's place is written at the end, before a comment that may look like anything.</summary>
    private static (long Offset, long Length) FindDirectory(CheckpointFile file)
    {
        var tail = new byte[Math.Min(file.Length, Zip64LocatorBytes + EndBytes + ushort.MaxValue)];
        file.Read(file.Length - tail.Length, tail);
        var end = tail.AsSpan().LastIndexOf("PK\u0005\u0006"u8);
        if (end < 0 || tail.Length - end < EndBytes)
            throw new InvalidDataException("it has no zip directory: the file is truncated.");
        var locator = end - Zip64LocatorBytes;
        if (locator < 0 || !tail.AsSpan(locator).StartsWith("PK\u0006\u0007"u8))
            return (UInt32(tail, end + 16), UInt32(tail, end + 12));

        var record = file.Read("the end of its zip directory", Int64(tail, locator + 8), Zip64EndBytes, Zip64EndBytes);
        return record.AsSpan().StartsWith("PK\u0006\u0006"u8)
            ? (Int64(record, 48), Int64(record, 40))
            : throw new InvalidDataException("its zip directory does not end at the stated place.");
    }

    private void AddEntries(ReadOnlySpan<byte> directory)
    {
        while (!directory.IsEmpty)
        {
            var isWhole = directory.Length >= EntryBytes && directory.StartsWith("PK\u0001\u0002"u8);
            var extra = isWhole ? EntryBytes + UInt16(directory, 28) : 0;
            var comment = isWhole ? extra + UInt16(directory, 30) : 0;
            var next = isWhole ? comment + UInt16(directory, 32) : 0;
            if (!isWhole || next > directory.Length)
                throw new InvalidDataException($"its zip directory is damaged after {_entries.Count} entries.");

            var name = Encoding.UTF8.GetString(directory[EntryBytes..extra]);
            if (!_entries.TryAdd(name, ReadEntry(directory, directory[extra..comment])))
                throw new InvalidDataException($"its zip directory has two entries '{name}'.");
            directory = directory[next..];
        }
    }

    private static Entry ReadEntry(ReadOnlySpan<byte> entry, ReadOnlySpan<byte> extra)
    {
        long length = UInt32(entry, 24), stored = UInt32(entry, 20), localHeader = UInt32(entry, 42);
        for (; extra.Length >= 4; extra = extra[Math.Min(extra.Length, 4 + UInt16(extra, 2))..])
        {
            if (UInt16(extra, 0) != Zip64Extra)
                continue;
            var wide = extra[4..];
            Widen(ref length, ref wide);
            Widen(ref stored, ref wide);
            Widen(ref localHeader, ref wide);
        }
        var isStored = UInt16(entry, 10) == 0 && stored == length && length >= 0;
        return new Entry(isStored, length, localHeader);
    }

    /// <summary>A number that does not fit its four bytes follows in the next eight of the extra field.</summary>
    private static void Widen(ref long number, ref ReadOnlySpan<byte> wide)
    {
        if (number != uint.MaxValue || wide.Length < 8)
            return;
        number = Int64(wide, 0);
        wide = wide[8..];
    }

    private static int UInt16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static long UInt32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static long Int64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt64LittleEndian(bytes[at..]);
}
