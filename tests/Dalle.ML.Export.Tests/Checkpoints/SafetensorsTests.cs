using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Tests.Checkpoints;

public sealed class SafetensorsTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Reads_halves_and_floats_by_name()
    {
        Write("""{"__metadata__":{"by":"test"},"a":{"dtype":"F16","shape":[2,1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[],"data_offsets":[4,8]}}""",
            [.. MemoryMarshal.AsBytes<Half>([(Half)1.5f, (Half)(-2)]), .. BitConverter.GetBytes(3.25f)]);
        using var file = Checkpoint.Open(_path);
        Assert.Equal(["a", "b"], file.Names);
        Assert.Equal((true, false), (file.Contains("a"), file.Contains("__metadata__")));
        var a = file.Read("a");
        Assert.Equal([1.5f, -2], a.Values);
        Assert.Equal([2, 1], a.Shape);
        Assert.True(a.IsHalf);
        Assert.Equal([3.25f], file.Read("b").Values);
        Assert.Contains("'c'", Assert.Throws<InvalidDataException>(() => file.Read("c")).Message, StringComparison.Ordinal);
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
    [InlineData("""{"a":{"dtype":"I3","shape":[2],"data_offsets":[0,8]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}""")]
    [InlineData("""{"a":{"dtype":7,"shape":2,"data_offsets":0}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("")]
    public void A_header_that_lies_is_refused(string header)
    {
        Write(header, new byte[8]);
        Assert.Throws<InvalidDataException>(() => Checkpoint.Open(_path));
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(1ul << 40)]
    [InlineData(1000)]
    public void A_header_longer_than_the_file_is_refused(ulong length)
    {
        var bytes = new byte[64];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, length);
        File.WriteAllBytes(_path, bytes);
        Assert.Throws<InvalidDataException>(() => Checkpoint.Open(_path));
        File.WriteAllBytes(_path, [1, 2, 3]);
        Assert.Throws<InvalidDataException>(() => Checkpoint.Open(_path));
    }

    private void Write(string header, byte[] data)
    {
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, Encoding.UTF8.GetByteCount(header));
        File.WriteAllBytes(_path, [.. length, .. Encoding.UTF8.GetBytes(header), .. data]);
    }
}
