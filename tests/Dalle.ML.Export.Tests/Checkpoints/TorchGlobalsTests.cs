using static Dalle.ML.Export.Tests.Checkpoints.PickleWriter;

namespace Dalle.ML.Export.Tests.Checkpoints;

/// <summary>What a hostile pickle may ask for, in a file of PyTorch that is well-formed otherwise.</summary>
public sealed class TorchGlobalsTests : CheckpointTest
{
    private static readonly Global GetAttribute = new("builtins", "getattr");

    public static TheoryData<string, object> Attacks() => new()
    {
        { "os.system", new Call(new Global("os", "system"), "touch /tmp/owned") },
        { "posix.system", new Call(new Global("posix", "system"), "touch /tmp/owned") },
        { "nt.system", new Call(new Global("nt", "system"), "calc") },
        { "subprocess.Popen", new Call(new Global("subprocess", "Popen"), new List<object?> { "touch", "/tmp/owned" }) },
        { "builtins.eval", new Call(new Global("builtins", "eval"), "__import__('os').system('id')") },
        { "__builtin__.eval", new Call(new Global("__builtin__", "eval"), "1") },
        { "builtins.exec", new Call(new Global("builtins", "exec"), "import os") },
        { "builtins.__import__", new Call(new Global("builtins", "__import__"), "os") },
        { "builtins.getattr", new Call(new Call(GetAttribute, new Call(GetAttribute, new Global("torch.nn", "Module"), "__init__"), "__globals__"), "os") },
        { "torch.hub.load", new Call(new Global("torch.hub", "load"), "a/b", "c") },
        { "torch.load", new Call(new Global("torch", "load"), "x") },
        { "torch.storage._load_from_bytes", new Call(new Global("torch.storage", "_load_from_bytes"), new byte[] { 1 }) },
        { "numpy.testing._private.utils.runstring", new Call(new Global("numpy.testing._private.utils", "runstring"), "1", new Dictionary<object, object?>()) },
        { "operator.attrgetter", new Call(new Global("operator", "attrgetter"), "system") },
        { "functools.partial", new Instance(new Global("functools", "partial"), null) },
        { "copyreg._reconstructor", new Call(new Global("copyreg", "_reconstructor"), new Global("torch.nn", "Module")) },
        { "torch.nn.modules.os.system", new Call(new Global("torch.nn", "modules.os.system"), "id") },
        { "torch.nnx.Module", new Instance(new Global("torch.nnx", "Module"), null) },
    };

    [Theory]
    [MemberData(nameof(Attacks))]
    public void What_is_not_on_the_list_is_refused_by_name(string name, object attack)
    {
        var root = new Dictionary<object, object?> { ["weights"] = TorchWriter.Tensor("FloatStorage", "0", 1, [1]), ["x"] = attack };
        Dictionary<string, byte[]> storages = new() { ["0"] = Bytes(1f) };
        AssertRefused(TorchWriter.Zip(root, storages), $"'{name}'");
        AssertRefused(TorchWriter.Zip(root, storages), "Nothing was executed");
        AssertRefused(TorchWriter.Legacy(root, storages, sizeof(float)), $"'{name}'");
    }

    [Fact]
    public void Unknown_names_become_inert_records_and_types_are_values()
    {
        var weights = TorchWriter.Tensor("FloatStorage", "0", 1, [1]);
        using var checkpoint = Open(TorchWriter.Zip(new Dictionary<object, object?>
        {
            ["weights"] = weights,
            ["path"] = new Call(new Global("pathlib", "WindowsPath"), "C:", "runs"),
            ["config"] = new Instance(new Global("lightning_fabric.utilities.data", "AttributeDict"), new Dictionary<object, object?> { ["dim"] = 64 }),
            ["dtype"] = new Global("torch", "float16"),
            ["net"] = new Instance(new Global("my_model", "Net"), new Dictionary<object, object?> { ["_parameters"] = new Dictionary<object, object?> { ["w"] = weights } }),
        }, new() { ["0"] = Bytes(1f) }));
        Assert.Equal(["weights", "net.w"], checkpoint.Names);
        Assert.Equal(64L, checkpoint.Settings["config.dim"]);
        Assert.Equal("torch.float16", checkpoint.Settings["dtype"]);
    }

    [Fact]
    public void A_tensor_that_an_unknown_function_makes_is_refused_by_name()
    {
        Dictionary<string, byte[]> storages = new() { ["0"] = Bytes(1f) };
        object?[] hidden = [TorchWriter.Tensor("FloatStorage", "0", 1, [1])];
        var rebuild = new Global("my_model.quantization", "rebuild");
        AssertRefused(TorchWriter.Zip(new Dictionary<object, object?> { ["w"] = new Call(rebuild, hidden) }, storages), "'my_model.quantization.rebuild'");
        AssertRefused(TorchWriter.Zip(new Dictionary<object, object?> { ["w"] = new Call(rebuild, TorchWriter.Storage("FloatStorage", "0", 1)) }, storages), "'my_model.quantization.rebuild'");
        AssertRefused(TorchWriter.Zip(new Dictionary<object, object?> { ["w"] = new Instance(rebuild, hidden) }, storages), "'my_model.quantization.rebuild'");
        // What an unknown name stands for cannot be called.
        AssertRefused(TorchWriter.Zip(new Dictionary<object, object?> { ["w"] = new Call(new Call(rebuild, "a"), "b") }, storages), "a function or class");
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS pointer")]
    [InlineData("\n<!DOCTYPE html><html>", "HTML page")]
    public void A_file_that_stands_in_for_the_checkpoint_is_named_as_such(string content, string kind) =>
        AssertRefused(System.Text.Encoding.UTF8.GetBytes(content), kind);

    [Fact]
    public void Protocol_0_pickles_are_no_way_around()
    {
        AssertRefused("cos\nsystem\n(S'id'\ntR."u8.ToArray(), "known formats");
        AssertRefused(TorchWriter.Zip("cos\nsystem\n(S'id'\ntR."u8.ToArray(), []), "'os.system'");
        AssertRefused([0x80, 2, .. "cos\nsystem\n(U\u0002idtR."u8], "'os.system'");
    }

    [Fact]
    public void Calls_with_arguments_that_are_not_theirs_are_refused_or_harmless()
    {
        var rebuild = new Global("torch._utils", "_rebuild_tensor_v2");
        AssertRefused(TorchWriter.Zip(new Call(rebuild), []), "_rebuild_tensor_v2");
        AssertRefused(TorchWriter.Zip(new Call(rebuild, 1, 2, 3, 4), []), "_rebuild_tensor_v2");
        AssertRefused(TorchWriter.Zip(new Call(rebuild, TorchWriter.Storage("FloatStorage", "0", 1), 0, new object?[] { "1" }, new object?[] { 1 }), new() { ["0"] = Bytes(1f) }), "sizes");
        using var checkpoint = Open(TorchWriter.Zip(new Dictionary<object, object?>
        {
            ["scalar"] = new Call(new Global("numpy.core.multiarray", "scalar"), 1, 2),
            ["encoded"] = new Call(new Global("_codecs", "encode"), new string('x', 1 << 20), "latin1"),
            ["set"] = new Call(new Global("builtins", "set")),
            ["parameter"] = new Call(new Global("torch._utils", "_rebuild_parameter")),
            ["device"] = new Instance(new Global("torch", "device"), new object?[] { null, 7 }),
        }, []));
        Assert.Empty(checkpoint.Names);
    }
}
