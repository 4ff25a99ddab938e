using static Dalle.ML.Export.Tests.Checkpoints.PickleWriter;

namespace Dalle.ML.Export.Tests.Checkpoints;

public sealed class StateDictFlattenerTests : CheckpointTest
{
    [Fact]
    public void References_in_a_circle_are_passed_over()
    {
        // A list that holds a dictionary of a tensor and the list, twice.
        Raw list = new((byte)']', (byte)'q', 5), recall = new((byte)'h', 5), append = new((byte)'a');
        var entries = new Dictionary<object, object?> { ["weight"] = TorchWriter.Tensor("FloatStorage", "0", 1, [1]), ["parent"] = recall };
        using var checkpoint = Open(TorchWriter.Zip(new object?[] { list, recall, entries, append }, new() { ["0"] = Bytes(1f) }));
        Assert.Equal(["0.0.weight", "1.0.weight"], checkpoint.Names);
    }

    [Fact]
    public void A_few_lists_of_the_same_lists_are_not_endless_paths()
    {
        // l = []; l = [l, l]; … forty times: 2⁴⁰ paths in 200 bytes.
        byte[] doubling = [(byte)'q', 0, (byte)'0', (byte)']', (byte)'h', 0, (byte)'a', (byte)'h', 0, (byte)'a'];
        AssertRefused(TorchWriter.Zip(new Raw([(byte)']', .. Enumerable.Repeat(doubling, 40).SelectMany(op => op)]), []), "too often");
    }

    [Fact]
    public void Deep_nesting_is_refused()
    {
        var nested = Enumerable.Range(0, 50_000).SelectMany(_ => "}X\u0001\0\0\0a"u8.ToArray()).Append((byte)'}').Concat(Enumerable.Repeat((byte)'s', 50_000));
        AssertRefused(TorchWriter.Zip(new Raw([.. nested]), []), "too deeply");
    }
}
