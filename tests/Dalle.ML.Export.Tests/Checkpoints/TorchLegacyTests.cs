using static Dalle.ML.Export.Tests.Checkpoints.PickleWriter;

namespace Dalle.ML.Export.Tests.Checkpoints;

public sealed class TorchLegacyTests : CheckpointTest
{
    private static readonly Dictionary<object, object?> Root = new()
    {
        ["a"] = TorchWriter.Tensor("FloatStorage", "94081", 3, [3]),
        ["b"] = TorchWriter.Tensor("FloatStorage", "94082", 2, [2, 1]),
        ["module"] = new Instance(new Global("dall_e.utils", "Conv2d"), null),
    };

    private static readonly Dictionary<string, byte[]> Storages = new() { ["94081"] = Bytes(1f, 2, 3), ["94082"] = Bytes(4f, 5) };

    [Fact]
    public void Storages_follow_the_pickles()
    {
        using var checkpoint = Open(TorchWriter.Legacy(Root, Storages, sizeof(float)));
        Assert.Equal([1f, 2, 3], checkpoint.Read("a").Values);
        Assert.Equal([4f, 5], checkpoint.Read("b", 2, 1).Values);
    }

    [Fact]
    public void A_class_may_come_with_its_source()
    {
        var source = new PersistentId(new object?[] { "module", new Global("torch.nn.modules.conv", "Conv2d"), "conv.py", "class Conv2d: …" });
        var module = new Dictionary<object, object?> { ["type"] = source, ["a"] = TorchWriter.Tensor("FloatStorage", "0", 1, [1]) };
        using var checkpoint = Open(TorchWriter.Legacy(module, new() { ["0"] = Bytes(6f) }, sizeof(float)));
        Assert.Equal([6f], checkpoint.Read("a").Values);
    }

    [Fact]
    public void Storages_must_be_whole_and_those_of_the_tensors()
    {
        var whole = TorchWriter.Legacy(Root, Storages, sizeof(float));
        AssertRefused(whole[..^1], "storage '94082'");
        AssertRefused(whole[..^12], "storage '94082'");
        AssertRefused(TorchWriter.Legacy(Root, new() { ["94081"] = Storages["94081"] }, sizeof(float)), "lists 1 storages");
        AssertRefused(TorchWriter.Legacy(Root, new() { ["94081"] = Storages["94081"], ["1"] = Storages["94082"] }, sizeof(float)), "no tensor has");
        AssertRefused(TorchWriter.Legacy(Root, new() { ["94081"] = Storages["94081"], ["94082"] = Bytes(1f, 2, 3) }, sizeof(float)), "storage '94082' has 3");
        AssertRefused(TorchWriter.Legacy(Root, Storages, elementSize: -1), "storage '94081' has -12");
    }

    [Fact]
    public void What_torch_would_not_write_is_refused()
    {
        AssertRefused(Dump(new List<object?>()), "magic number");
        AssertRefused(TorchWriter.Legacy(Root, Storages, sizeof(float), littleEndian: false), "big-endian");
        AssertRefused([.. TorchWriter.Legacy(Root, Storages, sizeof(float)).Take(60)], "ends too early");
        var view = new PersistentId(new object?[] { "storage", new Global("torch", "FloatStorage"), "0", "cpu", 1, new object?[] { "1", 0, 1 } });
        AssertRefused(TorchWriter.Legacy(new List<object?> { view }, [], sizeof(float)), "views");
    }
}
