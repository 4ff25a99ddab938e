using System.Buffers.Binary;
using System.Text;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Tests.Checkpoints;

public sealed class ZipDirectoryTests : CheckpointTest
{
    private const uint InExtra = uint.MaxValue;

    [Fact]
    public void Zip64_entries_are_found()
    {
        // Lengths and offset are in the extra field, in this order, those of them that are all ones before it.
        byte[] extra = [0x55, 0x54, 1, 0, 9, 1, 0, 24, 0, .. Bytes(5L, 5, 0)];
        var zip = Zip(new Entry("a", "hello"u8.ToArray()) { Length = InExtra, Stored = InExtra, Offset = InExtra, Extra = extra });
        Assert.Equal("hello", Read(zip, "a"));
        byte[] offsetOnly = [1, 0, 8, 0, .. Bytes(0L)];
        Assert.Equal("hello", Read(Zip(new Entry("a", "hello"u8.ToArray()) { Offset = InExtra, Extra = offsetOnly }), "a"));
    }

    [Fact]
    public void A_comment_at_the_end_does_no_harm() =>
        Assert.Equal("hello", Read([.. Zip(new Entry("a", "hello"u8.ToArray()))[..^2], 7, 0, .. "comment"u8], "a"));

    [Fact]
    public void An_entry_must_be_where_the_directory_says()
    {
        var hello = "hello"u8.ToArray();
        Assert.Contains("no entry", Refuse(Zip(new Entry("a", hello)), "b"), StringComparison.Ordinal);
        Assert.Contains("does not begin", Refuse(Zip(new Entry("a", hello) { Offset = 1 }), "a"), StringComparison.Ordinal);
        Assert.Contains("the header of entry 'a'", Refuse(Zip(new Entry("a", hello) { Offset = 1u << 31 }), "a"), StringComparison.Ordinal);
        Assert.Contains("beyond the end", Refuse(Zip(new Entry("a", hello) { Length = 1000, Stored = 1000 }), "a"), StringComparison.Ordinal);
        Assert.Contains("compressed", Refuse(Zip(new Entry("a", hello) { Method = 8 }), "a"), StringComparison.Ordinal);
        Assert.Contains("compressed", Refuse(Zip(new Entry("a", hello) { Length = 1000 }), "a"), StringComparison.Ordinal);
        Assert.Contains("compressed", Refuse(Zip(new Entry("a", hello) { Length = InExtra, Stored = InExtra, Extra = [1, 0, 16, 0, .. Bytes(-5L, -5)] }), "a"), StringComparison.Ordinal);
        Assert.Contains("two entries 'a'", Refuse(Zip(new Entry("a", hello), new Entry("a", hello)), "a"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-6, uint.MaxValue, "zip directory at byte")] // offset
    [InlineData(-10, uint.MaxValue, "the limit is")] // length
    [InlineData(-10, 50u, "damaged")]
    [InlineData(-22, 0u, "no zip directory")] // signature
    public void A_directory_that_lies_is_refused(int at, uint value, string reason)
    {
        var zip = Zip(new Entry("a", "hello"u8.ToArray()), new Entry("b", []));
        BinaryPrimitives.WriteUInt32LittleEndian(zip.AsSpan(zip.Length + at), value);
        Assert.Contains(reason, Refuse(zip, "a"), StringComparison.Ordinal);
    }

    private string Read(byte[] zip, string entry)
    {
        using var file = new CheckpointFile(Write(zip));
        var (offset, length) = ZipDirectory.Read(file).Find(entry);
        return Encoding.UTF8.GetString(file.Read(entry, offset, length, 100));
    }

    private string Refuse(byte[] zip, string entry) => Assert.Throws<InvalidDataException>(() => Read(zip, entry)).Message;

    /// <summary>An entry and what the directory says of it.</summary>
    private sealed record Entry(string Name, byte[] Content)
    {
        public ushort Method { get; init; }

        public uint Length { get; init; } = (uint)Content.Length;

        public uint Stored { get; init; } = (uint)Content.Length;

        public uint? Offset { get; init; }

        public byte[] Extra { get; init; } = [];
    }

    private static byte[] Zip(params Entry[] entries)
    {
        List<byte> file = [], directory = [];
        foreach (var entry in entries)
        {
            var name = Encoding.UTF8.GetBytes(entry.Name);
            var offset = (uint)file.Count;
            file.AddRange([.. "PK\u0003\u0004"u8, .. new byte[22], .. Bytes((ushort)name.Length, (ushort)3), .. name, .. new byte[3], .. entry.Content]);
            directory.AddRange([.. "PK\u0001\u0002"u8, .. new byte[6], .. Bytes(entry.Method), .. new byte[8], .. Bytes(entry.Stored, entry.Length)]);
            directory.AddRange([.. Bytes((ushort)name.Length, (ushort)entry.Extra.Length), .. new byte[10], .. Bytes(entry.Offset ?? offset), .. name, .. entry.Extra]);
        }
        return [.. file, .. directory, .. "PK\u0005\u0006"u8, .. new byte[8], .. Bytes((uint)directory.Count, (uint)file.Count), 0, 0];
    }
}
