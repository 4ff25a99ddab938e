using System.IO.Compression;
using static Dalle.ML.Export.Tests.Checkpoints.PickleWriter;

namespace Dalle.ML.Export.Tests.Checkpoints;

public sealed class TorchZipTests : CheckpointTest
{
    [Fact]
    public void Tensors_are_named_by_their_paths_and_may_share_a_storage()
    {
        var root = Dictionary(
            ("state_dict", Dictionary(
                ("blocks.0.weight", TorchWriter.Tensor("FloatStorage", "0", 6, [2, 2], start: 2)),
                ("tied", TorchWriter.Tensor("FloatStorage", "0", 6, [6])))),
            ("pair", new object?[] { TorchWriter.Tensor("FloatStorage", "1", 1, []), TorchWriter.Tensor("FloatStorage", "1", 1, [1]) }));
        using var checkpoint = Open(TorchWriter.Zip(root, new() { ["0"] = Bytes(0f, 1, 2, 3, 4, 5), ["1"] = Bytes(7.5f) }));
        Assert.Equal(["state_dict.blocks.0.weight", "state_dict.tied", "pair.0", "pair.1"], checkpoint.Names);
        Assert.Equal([2f, 3, 4, 5], checkpoint.Read("state_dict.blocks.0.weight", 2, 2).Values);
        Assert.Equal([0f, 1, 2, 3, 4, 5], checkpoint.Read("state_dict.tied").Values);
        Assert.Equal([7.5f], checkpoint.Read("pair.0", []).Values);
        Assert.Equal([1], checkpoint.Shape("pair.1"));
    }

    [Fact]
    public void Settings_are_what_is_no_tensor()
    {
        var root = Dictionary(
            ("hparams", Dictionary(("dim", 64), ("scale", 0.5), ("rotary", true), ("types", new object?[] { "full", "axial_row" }), ("none", null))),
            ("groups", new List<object?> { Dictionary(("lr", 1e-3)) }),
            ("loss", new Call(new Global("numpy.core.multiarray", "scalar"), new Call(new Global("numpy", "dtype"), "f8", false, true), Bytes(2.5))),
            ("weights", TorchWriter.Tensor("FloatStorage", "0", 1, [1])));
        using var checkpoint = Open(TorchWriter.Zip(root, new() { ["0"] = Bytes(1f) }));
        Assert.Equal(["weights"], checkpoint.Names);
        Assert.Equal(64L, checkpoint.Settings["hparams.dim"]);
        Assert.Equal(0.5, checkpoint.Settings["hparams.scale"]);
        Assert.Equal(true, checkpoint.Settings["hparams.rotary"]);
        Assert.Equal(["full", "axial_row"], Assert.IsAssignableFrom<IReadOnlyList<object?>>(checkpoint.Settings["hparams.types"]));
        Assert.Null(checkpoint.Settings["hparams.none"]);
        Assert.Equal(1e-3, checkpoint.Settings["groups.0.lr"]);
        Assert.Equal(2.5, checkpoint.Settings["loss"]);
        Assert.Equal(64L, checkpoint.Subtree("hparams.").Settings["dim"]);
    }

    [Fact]
    public void A_whole_module_has_the_names_of_its_state_dict()
    {
        Instance Module(string name, params (object, object?)[] state) => new(new Global("torch.nn.modules.some", name), Dictionary(state));
        var weight = new Call(new Global("torch._utils", "_rebuild_parameter"), TorchWriter.Tensor("FloatStorage", "0", 1, [1]), true,
            new Call(new Global("collections", "OrderedDict")));
        var child = Module("Conv2d", ("kw", 3), ("_parameters", Dictionary(("w", weight))), ("_buffers", Dictionary()), ("_modules", Dictionary()));
        var root = new Instance(new Global("dall_e.encoder", "Encoder"), Dictionary(
            ("post_gain", 0.25), ("device", new Call(new Global("torch", "device"), "cpu")), ("_parameters", Dictionary()),
            ("_modules", Dictionary(("blocks", Module("Sequential", ("_modules", Dictionary(("conv_1", child)))))))));
        using var checkpoint = Open(TorchWriter.Zip(root, new() { ["0"] = Bytes(1.5f) }));
        Assert.Equal(["blocks.conv_1.w"], checkpoint.Names);
        Assert.Equal([1.5f], checkpoint.Read("blocks.conv_1.w").Values);
        Assert.Equal(3L, checkpoint.Settings["blocks.conv_1.kw"]);
        Assert.Equal(0.25, checkpoint.Settings["post_gain"]);
    }

    [Fact]
    public void Strides_are_honoured()
    {
        var root = Dictionary(
            ("transposed", TorchWriter.Tensor("FloatStorage", "0", 6, [3, 2], [1, 3])),
            ("column", TorchWriter.Tensor("FloatStorage", "0", 6, [2], [3], start: 1)),
            ("expanded", TorchWriter.Tensor("FloatStorage", "0", 6, [2, 3], [0, 1])),
            ("one", TorchWriter.Tensor("FloatStorage", "0", 6, [1, 6], [99, 1])),
            ("none", TorchWriter.Tensor("FloatStorage", "0", 6, [0, 6], [6, 1], start: 6)));
        using var checkpoint = Open(TorchWriter.Zip(root, new() { ["0"] = Bytes(0f, 1, 2, 3, 4, 5) }));
        Assert.Equal([0f, 3, 1, 4, 2, 5], checkpoint.Read("transposed").Values);
        Assert.Equal([1f, 4], checkpoint.Read("column").Values);
        Assert.Equal([0f, 1, 2, 0, 1, 2], checkpoint.Read("expanded").Values);
        Assert.Equal([0f, 1, 2, 3, 4, 5], checkpoint.Read("one").Values);
        Assert.Empty(checkpoint.Read("none").Values);
        Assert.Equal([1f, 4], checkpoint.ReadSlice("transposed", 1, 2).Values);
        Assert.Throws<InvalidDataException>(() => checkpoint.ReadSlice("transposed", 3, 2));
        Assert.Throws<InvalidDataException>(() => checkpoint.ReadSlice("transposed", 1, 3));
    }

    public static TheoryData<string, byte[], float[], bool> ElementTypes() => new()
    {
        { "HalfStorage", Bytes((Half)1.5f, (Half)(-2)), [1.5f, -2], true },
        { "BFloat16Storage", Bytes<ushort>(0x3fc0, 0xc000), [1.5f, -2], false },
        { "FloatStorage", Bytes(1.1f, -2), [1.1f, -2], false },
        { "DoubleStorage", Bytes(1.1, -2), [1.1f, -2], false },
        { "LongStorage", Bytes(1L << 40, -2), [1L << 40, -2], false },
        { "IntStorage", Bytes(70000, -2), [70000, -2], false },
        { "ShortStorage", Bytes<short>(300, -2), [300, -2], false },
        { "CharStorage", Bytes<sbyte>(127, -2), [127, -2], false },
        { "ByteStorage", Bytes<byte>(255, 2), [255, 2], false },
        { "BoolStorage", Bytes<byte>(1, 0), [1, 0], false },
    };

    [Theory]
    [MemberData(nameof(ElementTypes))]
    public void Every_element_type_becomes_floats(string type, byte[] data, float[] values, bool isFloat16)
    {
        using var checkpoint = Open(TorchWriter.Zip(Dictionary(("a", TorchWriter.Tensor(type, "0", 2, [2]))), new() { ["0"] = data }));
        var tensor = checkpoint.Read("a");
        Assert.Equal(values, tensor.Values);
        Assert.Equal(isFloat16, tensor.IsFloat16);
    }

    [Fact]
    public void A_tensor_longer_than_the_buffer_is_read_whole()
    {
        var values = Enumerable.Range(0, 700_000).Select(i => (double)i).ToArray();
        using var checkpoint = Open(TorchWriter.Zip(Dictionary(("a", TorchWriter.Tensor("DoubleStorage", "0", 700_000, [700_000]))), new() { ["0"] = Bytes(values) }));
        Assert.Equal(values, checkpoint.Read("a").Values.Select(value => (double)value));
    }

    [Fact]
    public void Wrong_names_and_shapes_are_told()
    {
        var root = Dictionary(("layers.0.weight", TorchWriter.Tensor("FloatStorage", "0", 2, [2])), ("bias", TorchWriter.Tensor("FloatStorage", "0", 2, [2])));
        using var checkpoint = Open(TorchWriter.Zip(root, new() { ["0"] = Bytes(1f, 2) }));
        var absent = Assert.Throws<InvalidDataException>(() => checkpoint.Read("layers.1.weight")).Message;
        Assert.Contains("no tensor 'layers.1.weight'. It has 'layers.0.weight'", absent, StringComparison.Ordinal);
        var other = Assert.Throws<InvalidDataException>(() => checkpoint.Subtree("layers.").Read("0.weight", 1, 2)).Message;
        Assert.Contains("'layers.0.weight'", other, StringComparison.Ordinal);
        Assert.Contains("has the shape [2]; [1, 2] was expected", other, StringComparison.Ordinal);
        Assert.False(checkpoint.Contains("layers.1.weight"));
    }

    [Fact]
    public void Entries_must_lie_in_the_file_as_they_are()
    {
        var root = Dictionary(("a", TorchWriter.Tensor("FloatStorage", "0", 64, [64])));
        var data = Bytes(new float[64]);
        AssertRefused(TorchWriter.Zip(root, new() { ["0"] = data }, CompressionLevel.Optimal), "compressed");
        AssertRefused(TorchWriter.Zip(root, []), "no entry 'archive/data/0'");
        AssertRefused(TorchWriter.Zip(root, new() { ["0"] = data[..^4] }), "storage '0'");
        AssertRefused(TorchWriter.Zip(root, new() { ["0"] = data[..^1] }), "whole number");
        AssertRefused([.. TorchWriter.Zip(root, new() { ["0"] = data }).SkipLast(60)], "truncated");
    }

    [Fact]
    public void Storages_must_not_overlap()
    {
        var root = Dictionary(("a", TorchWriter.Tensor("FloatStorage", "0", 2, [2])), ("b", TorchWriter.Tensor("FloatStorage", "1", 2, [2])));
        var zip = TorchWriter.Zip(root, new() { ["0"] = Bytes(1f, 2), ["1"] = Bytes(3f, 4) });
        // In the directory an entry's offset comes just before its name.
        var (first, second) = (zip.AsSpan().LastIndexOf("archive/data/0"u8), zip.AsSpan().LastIndexOf("archive/data/1"u8));
        zip.AsSpan(first - 4, 4).CopyTo(zip.AsSpan(second - 4));
        AssertRefused(zip, "overlap");
    }

    [Fact]
    public void A_zip_bomb_is_never_inflated()
    {
        var bomb = TorchWriter.Zip(new byte[100_000_000], [], CompressionLevel.SmallestSize);
        var before = GC.GetAllocatedBytesForCurrentThread();
        AssertRefused(bomb, "compressed");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10_000_000);
    }

    [Theory]
    [InlineData(new long[] { 3 }, new long[] { 1 }, 0)]
    [InlineData(new long[] { 2 }, new long[] { 1 }, 1)]
    [InlineData(new long[] { 2 }, new long[] { 2 }, 0)]
    [InlineData(new long[] { 1 }, new long[] { 1 }, -1)]
    [InlineData(new long[] { 2 }, new long[] { -1 }, 1)]
    [InlineData(new long[] { -1 }, new long[] { 1 }, 0)]
    [InlineData(new long[] { -1, -2 }, new long[] { 1, 1 }, 0)]
    [InlineData(new long[] { 1 }, new long[] { 1 }, long.MaxValue)]
    [InlineData(new long[] { 2, 2 }, new long[] { long.MaxValue, long.MaxValue }, 0)]
    [InlineData(new long[] { 1 << 30 }, new long[] { 0 }, 0)]
    [InlineData(new long[] { 1L << 40, 0 }, new long[] { 0, 0 }, 0)]
    [InlineData(new long[] { 1 << 20, 1 << 20, 1 << 20, 1 << 20 }, new long[] { 0, 0, 0, 0 }, 0)]
    [InlineData(new long[] { 2 }, new long[] { 1, 1 }, 0)]
    [InlineData(new long[] { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 }, new long[] { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 }, 0)]
    public void A_tensor_must_be_within_its_storage(long[] shape, long[] strides, long start) =>
        AssertRefused(TorchWriter.Zip(Dictionary(("a", TorchWriter.Tensor("FloatStorage", "0", 2, shape, strides, start))), new() { ["0"] = Bytes(1f, 2) }), "a tensor of shape");

    [Fact]
    public void A_storage_is_of_one_type_and_size()
    {
        Dictionary<string, byte[]> storages = new() { ["0"] = Bytes(1f, 2) };
        AssertRefused(TorchWriter.Zip(Dictionary(("a", TorchWriter.Tensor("FloatStorage", "0", 1L << 40, [2]))), storages), "storage '0'");
        AssertRefused(TorchWriter.Zip(Dictionary(("a", TorchWriter.Tensor("FloatStorage", "0", -1, [0]))), storages), "not a storage");
        AssertRefused(TorchWriter.Zip(Dictionary(("a", TorchWriter.Tensor("FloatStorage", "0", 2, [2])), ("b", TorchWriter.Tensor("IntStorage", "0", 2, [2]))), storages), "storage '0'");
        AssertRefused(TorchWriter.Zip(Dictionary(("a", TorchWriter.Tensor("ComplexFloatStorage", "0", 1, [1]))), storages), "torch.ComplexFloatStorage");
        AssertRefused(TorchWriter.Zip(new PersistentId("elsewhere"), storages), "not a storage");
    }

    private static Dictionary<object, object?> Dictionary(params (object Key, object? Value)[] entries) => entries.ToDictionary(entry => entry.Key, entry => entry.Value);
}
