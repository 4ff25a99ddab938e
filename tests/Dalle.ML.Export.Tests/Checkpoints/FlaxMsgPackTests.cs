using static Dalle.ML.Export.Tests.Checkpoints.MsgPackWriter;

namespace Dalle.ML.Export.Tests.Checkpoints;

public sealed class FlaxMsgPackTests : CheckpointTest
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Arrays_are_named_by_their_paths(bool longest)
    {
        var root = Map(
            ("model", Map(("kernel", MsgPackWriter.Array("float32", Bytes(1f, 2, 3, 4, 5, 6), 2, 3)), ("scale", MsgPackWriter.Array("bfloat16", Bytes<ushort>(0x3fc0), 1)))),
            ("lm_head", MsgPackWriter.Array("float16", Bytes((Half)0.5f), 1, 1)),
            ("count", new Extension(3, MsgPackWriter.Array("int32", Bytes(7)).Content)),
            ("empty", MsgPackWriter.Array("float32", [], 0)));
        using var checkpoint = Open(Dump(root, longest));
        Assert.Equal(["model.kernel", "model.scale", "lm_head", "count", "empty"], checkpoint.Names);
        Assert.Equal([1f, 2, 3, 4, 5, 6], checkpoint.Read("model.kernel", 2, 3).Values);
        Assert.Equal([4f, 5, 6], checkpoint.ReadSlice("model.kernel", 1, 3).Values);
        Assert.Equal([1.5f], checkpoint.Read("model.scale").Values);
        Assert.True(checkpoint.Read("lm_head").IsFloat16);
        Assert.Equal([7f], checkpoint.Read("count", []).Values);
        Assert.Empty(checkpoint.Read("empty").Values);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Settings_are_what_is_no_array(bool longest)
    {
        object?[] values = [null, true, false, 0L, 127L, 128L, 255L, 256L, 65535L, 65536L, 1L << 32, long.MaxValue, -1L, -32L, -33L, -128L, -129L, -40000L, long.MinValue, 0.25, "text", new string('x', 40), new string('y', 300)];
        using var checkpoint = Open(Dump(Map(("values", new List<object?>(values)), ("single", 0.5f), ("bytes", new byte[300]), ("complex", new Extension(2, [1, 2, 3]))), longest));
        Assert.Equal(values, Assert.IsAssignableFrom<IReadOnlyList<object?>>(checkpoint.Settings["values"]));
        Assert.Equal(0.5, checkpoint.Settings["single"]);
    }

    [Fact]
    public void A_large_array_comes_in_pieces()
    {
        var pieces = Enumerable.Range(0, 12).Select(i => ((object)$"{i}", (object?)MsgPackWriter.Array("float32", Bytes(i + 0f, i + 0.5f), 2))).ToArray();
        using var checkpoint = Open(Dump(Map(("big", Chunked(Map(("0", 4), ("1", 6)), Map(pieces))))));
        Assert.Equal(["big"], checkpoint.Names);
        Assert.Equal(Enumerable.Range(0, 24).Select(i => i / 2f), checkpoint.Read("big", 4, 6).Values);
        Assert.Equal([6f, 6.5f, 7, 7.5f, 8, 8.5f], checkpoint.ReadSlice("big", 2, 6).Values);
    }

    [Fact]
    public void Pieces_must_make_up_the_array()
    {
        var (half, whole) = (MsgPackWriter.Array("float32", Bytes(1f), 1), Map(("0", 2)));
        AssertRefused(Dump(Map(("big", Chunked(whole, Map(("0", half)))))), "is not inside the storage");
        AssertRefused(Dump(Map(("big", Chunked(Map(("0", 1)), Map(("0", half), ("1", half)))))), "has 1 elements; 2 are stored");
        AssertRefused(Dump(Map(("big", Chunked(whole, Map(("0", half), ("2", half)))))), "without a shape and pieces");
        AssertRefused(Dump(Map(("big", Chunked(whole, Map(("0", half), ("1", MsgPackWriter.Array("int32", Bytes(1), 1))))))), "different types");
        AssertRefused(Dump(Map(("big", Chunked(whole, Map(("0", half), ("1", 7)))))), "not arrays");
        AssertRefused(Dump(Map(("big", Chunked(whole, Map())))), "or none");
        AssertRefused(Dump(Map(("big", Chunked(null, Map(("0", half)))))), "without a shape and pieces");
        AssertRefused(Dump(Map(("big", Chunked(Map(("0", "2")), Map(("0", half)))))), "not integers");
    }

    [Fact]
    public void An_array_must_be_what_it_says()
    {
        AssertRefused(Dump(Map(("a", MsgPackWriter.Array("float32", Bytes(1f), 2)))), "is not inside the storage");
        AssertRefused(Dump(Map(("a", MsgPackWriter.Array("float32", Bytes(1f, 2), 1)))), "has 1 elements; 2 are stored");
        AssertRefused(Dump(Map(("a", MsgPackWriter.Array("float32", Bytes(1f), -1)))), "is impossible");
        AssertRefused(Dump(Map(("a", MsgPackWriter.Array("float32", Bytes(1f), 1 << 30, 1 << 30)))), "too large");
        AssertRefused(Dump(Map(("a", MsgPackWriter.Array("float32", [1, 2, 3], 1)))), "whole number");
        AssertRefused(Dump(Map(("a", MsgPackWriter.Array("complex64", new byte[8], 1)))), "complex64");
        AssertRefused(Dump(Map(("a", new Extension(1, [])))), "wants 1 bytes");
        AssertRefused(Dump(Map(("a", new Extension(1, [0xc0])))), "not a shape, a type and bytes");
        AssertRefused(Dump(Map(("a", new Extension(1, [.. MsgPackWriter.Array("float32", Bytes(1f), 1).Content, 0])))), "not a shape, a type and bytes");
    }

    [Theory]
    [InlineData(new byte[] { 0x81 }, "wants 1 bytes")]
    [InlineData(new byte[] { 0x81, 0xc0, 0xc0 }, "neither text nor an integer")]
    [InlineData(new byte[] { 0x81, 0x00, 0xc1 }, "0xc1")]
    [InlineData(new byte[] { 0x81, 0x00, 0x00, 0x00 }, "data follows")]
    [InlineData(new byte[] { 0x81, 0x00, 0xcf, 255, 255, 255, 255, 255, 255, 255, 255 }, "integer")]
    [InlineData(new byte[] { 0xdf, 255, 255, 255, 255, 0x00, 0x00 }, "wants 1 bytes")]
    [InlineData(new byte[] { 0x81, 0x00, 0xdd, 255, 255, 255, 255, 0x00 }, "wants 1 bytes")]
    [InlineData(new byte[] { 0x81, 0x00, 0xc6, 255, 255, 255, 255, 0x00 }, "wants 4294967295 bytes")]
    [InlineData(new byte[] { 0x81, 0x00, 0xc9, 255, 255, 255, 255, 0x01, 0x00 }, "wants 4294967295 bytes")]
    [InlineData(new byte[] { 0x81, 0x00, 0xdb, 255, 255, 255, 255, 0x00 }, "text of 4294967295 bytes")]
    public void Malformed_files_are_refused(byte[] content, string reason) => AssertRefused(content, reason);

    [Fact]
    public void Bombs_of_levels_and_of_objects_are_refused()
    {
        AssertRefused([0x81, 0x00, .. Enumerable.Repeat((byte)0x91, 1_000_000), 0xc0], "levels");
        AssertRefused([0x81, 0x00, .. Enumerable.Repeat((byte)0x81, 1_000_000)], "levels");
        AssertRefused([0x81, 0x00, 0xdd, 0x7f, 255, 255, 255, .. Enumerable.Repeat((byte)0x80, 3_000_000)], "objects");
    }

    private static Dictionary<object, object?> Chunked(object? shape, object? chunks) =>
        Map(("__msgpack_chunked_array__", true), ("shape", shape), ("chunks", chunks));

    private static Dictionary<object, object?> Map(params (object Key, object? Value)[] entries) => entries.ToDictionary(entry => entry.Key, entry => entry.Value);
}
