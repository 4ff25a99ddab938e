using System.Text;

namespace Dalle.ML.Export.Tests.Checkpoints;

public sealed class ShardIndexTests : CheckpointTest
{
    public ShardIndexTests()
    {
        Write(SafetensorsWriter.File("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", Bytes(1f)), "one.safetensors");
        Write(TorchWriter.Zip(new Dictionary<object, object?> { ["b"] = TorchWriter.Tensor("FloatStorage", "0", 1, [1]) }, new() { ["0"] = Bytes(2f) }), "two.bin");
    }

    [Fact]
    public void Tensors_come_from_the_files_that_the_index_names()
    {
        using var checkpoint = Open("""{"metadata":{"total_size":8},"weight_map":{"a":"one.safetensors","b":"two.bin"}}"""u8.ToArray());
        Assert.Equal(["a", "b"], checkpoint.Names);
        Assert.Equal([1f], checkpoint.Read("a").Values);
        Assert.Equal([2f], checkpoint.Read("b").Values);
    }

    [Theory]
    [InlineData("""{"weight_map":{"a":"../one.safetensors"}}""", "not the name of a file in its folder")]
    [InlineData("""{"weight_map":{"a":"/etc/passwd"}}""", "not the name of a file in its folder")]
    [InlineData("""{"weight_map":{"a":"..\\one.safetensors"}}""", "not the name of a file in its folder")]
    [InlineData("""{"weight_map":{"a":"C:one.safetensors"}}""", "not the name of a file in its folder")]
    [InlineData("""{"weight_map":{"a":".."}}""", "not the name of a file in its folder")]
    [InlineData("""{"weight_map":{"a":""}}""", "not the name of a file in its folder")]
    [InlineData("""{"weight_map":{"a":"three.safetensors"}}""", "'three.safetensors', which is not in its folder")]
    [InlineData("""{"weight_map":{"b":"one.safetensors"}}""", "no tensor 'b'")]
    [InlineData("""{"weight_map":{"a":"file"}}""", "known formats")] // the index itself
    [InlineData("""{"weight_map":{"a":"one.safetensors","a":"two.bin"}}""", "not an index")]
    [InlineData("""{"weight_map":{"a":7}}""", "not an index")]
    [InlineData("""{"weight_map":{"a":null}}""", "not an index")]
    [InlineData("""{"weight_map":["a"]}""", "not an index")]
    [InlineData("""{"weights":{}}""", "not an index")]
    [InlineData("""{"weight_map":{"a":"one""", "not an index")]
    public void An_index_that_lies_is_refused(string index, string reason) => AssertRefused(Encoding.UTF8.GetBytes(index), reason);
}
