using System.Runtime.InteropServices;

namespace Dalle.ML.Export.Tests.Checkpoints;

public sealed class SafetensorsFileTests : CheckpointTest
{
    [Fact]
    public void Reads_halves_and_floats_by_name()
    {
        using var file = Open(SafetensorsWriter.File(
            """{"__metadata__":{"by":"test"},"a":{"dtype":"F16","shape":[2,1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[],"data_offsets":[4,8]}}""",
            [.. MemoryMarshal.AsBytes<Half>([(Half)1.5f, (Half)(-2)]), .. BitConverter.GetBytes(3.25f)]));
        Assert.Equal(["a", "b"], file.Names);
        Assert.Equal((true, false), (file.Contains("a"), file.Contains("__metadata__")));
        var a = file.Read("a");
        Assert.Equal([1.5f, -2], a.Values);
        Assert.Equal([2, 1], a.Shape);
        Assert.True(a.IsFloat16);
        Assert.Equal([3.25f], file.Read("b", []).Values);
        Assert.Equal("test", file.Settings["by"]);
        Assert.Contains("'c'", Assert.Throws<InvalidDataException>(() => file.Read("c").Values).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tensors_may_lie_in_any_order_and_be_empty()
    {
        using var file = Open(SafetensorsWriter.File(
            """{"b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]},"none":{"dtype":"F32","shape":[0,3],"data_offsets":[4,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""",
            [.. BitConverter.GetBytes(1f), 2, 3]));
        Assert.Equal([2f, 3], file.Read("b").Values);
        Assert.Empty(file.Read("none", 0, 3).Values);
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,12]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[9223372036854775800,9223372036854775807]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2,-1],"data_offsets":[0,8]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2147483647,2147483647,2147483647,2147483647],"data_offsets":[0,8]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[99999999999],"data_offsets":[0,8]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}""")]
    [InlineData("""{"a":{"dtype":"I3","shape":[2],"data_offsets":[0,8]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}""")]
    [InlineData("""{"a":{"dtype":7,"shape":2,"data_offsets":0}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""")]
    [InlineData("""{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""")]
    [InlineData("""{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,7]},"b":{"dtype":"U8","shape":[1],"data_offsets":[7,8]}}""")]
    [InlineData("""{"__metadata__":{"by":7},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""")]
    [InlineData("""{"__metadata__":7,"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("")]
    public void A_header_that_lies_is_refused(string header) => AssertRefused(SafetensorsWriter.File(header, new byte[8]), "");

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(1ul << 40)]
    [InlineData(1ul << 25)]
    [InlineData(1000)]
    public void A_header_longer_than_the_file_is_refused(ulong length)
    {
        AssertRefused([.. BitConverter.GetBytes(length), (byte)'{', .. new byte[55]], "");
        AssertRefused([1, 2, 3], "known formats");
    }

    [Fact]
    public void A_header_of_nothing_but_levels_is_refused() =>
        AssertRefused(SafetensorsWriter.File("{\"a\":" + new string('[', 100_000), []), "depth");
}
