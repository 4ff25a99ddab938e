using System.Text;
using Dalle.ML.Tests.Fuzz;
using static Dalle.ML.Export.Tests.Checkpoints.PickleWriter;

namespace Dalle.ML.Export.Tests.Checkpoints.Fuzz;

/// <summary>Small files of every format, damaged as a whole or in the part that tells of the rest, with the rest put right again.</summary>
internal static class FuzzSamples
{
    private const string Header = """
        {"__metadata__":{"format":"pt"},"a.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},
        "b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]},"c":{"dtype":"I64","shape":[],"data_offsets":[32,40]}}
        """;

    private const string Index = """
        {"metadata":{"total_size":80},"weight_map":{"a.weight":"model-1.safetensors","b":"model-1.safetensors","x":"model-2.bin"}}
        """;

    private static readonly byte[] Data = [.. Enumerable.Range(0, 40).Select(i => (byte)(i * 5))];

    private static readonly Dictionary<string, byte[]> Storages = new() { ["0"] = Data, ["1"] = Data[..24], ["2"] = Data[..6] };

    private static readonly byte[] StateDict = Dump(Tensors());
    private static readonly byte[] Protocol4 = [.. Dump(new object?[] { new Raw([0x8c, 1, (byte)'k', 0x94, 0x8f, 0x94, (byte)'(', (byte)'K', 1, (byte)'h', 0, 0x90]), Tensors() })];
    private static readonly byte[] Script = Dump(new Instance(new Global("__torch__.clip.model", "CLIP"), new Dictionary<object, object?>
    {
        ["training"] = false,
        ["input_resolution"] = TorchWriter.Tensor("LongStorage", "1", 3, []),
        ["visual"] = new Instance(new Global("__torch__.clip.model.___torch_mangle_2", "Transformer"), Tensors()),
        ["sizes"] = new Call(new Global("torch.jit._pickle", "build_intlist"), new List<object?> { 1, 2, 3 }),
    }));

    private static readonly byte[] Legacy = TorchWriter.Legacy(
        new Instance(new Global("dall_e.encoder", "Encoder"), new Dictionary<object, object?>
        {
            ["n_hid"] = 16,
            ["_parameters"] = new Dictionary<object, object?> { ["w"] = TorchWriter.Tensor("FloatStorage", "5001", 10, [2, 5], [1, 2]) },
            ["_modules"] = new Dictionary<object, object?> { ["sub"] = new Instance(new Global("torch.nn.modules.conv", "Conv2d"), Tensor("b", "5002")) },
        }),
        new() { ["5001"] = Data, ["5002"] = Data[..24] }, sizeof(float));

    private static readonly byte[] MsgPack = MsgPackWriter.Dump(new Dictionary<object, object?>
    {
        ["model"] = new Dictionary<object, object?> { ["kernel"] = MsgPackWriter.Array("float32", Data, 2, 5), ["count"] = 300, ["names"] = new List<object?> { "a", null, -7 } },
        ["half"] = MsgPackWriter.Array("bfloat16", Data[..8], 4),
        ["big"] = new Dictionary<object, object?>
        {
            ["__msgpack_chunked_array__"] = true,
            ["shape"] = new Dictionary<object, object?> { ["0"] = 5, ["1"] = 2 },
            ["chunks"] = new Dictionary<object, object?> { ["0"] = MsgPackWriter.Array("float32", Data[..24], 6), ["1"] = MsgPackWriter.Array("float32", Data[..16], 4) },
        },
    });

    /// <summary>A damaged file for each reader, and the files that belong to it.</summary>
    public static IReadOnlyDictionary<string, Func<Mutator, (string Name, byte[] Content)[]>> Readers { get; } =
        new Dictionary<string, Func<Mutator, (string, byte[])[]>>
        {
            ["torch zip"] = mutator => [("model.pt", Zip(mutator, mutator.OneIn(2) ? StateDict : Protocol4))],
            ["TorchScript"] = mutator => [("model.pt", Zip(mutator, Script))],
            ["legacy torch"] = mutator => [("model.pkl", mutator.Mutate(Legacy))],
            ["safetensors"] = mutator => [("model.safetensors", Safetensors(mutator))],
            ["sharded"] = mutator => Shards(mutator),
            ["msgpack"] = mutator => [("model.msgpack", mutator.Mutate(MsgPack))],
        };

    private static byte[] Zip(Mutator mutator, byte[] pickle) =>
        mutator.OneIn(4) ? mutator.Mutate(TorchWriter.Zip(pickle, Storages)) : TorchWriter.Zip(mutator.Mutate(pickle), Storages);

    private static byte[] Safetensors(Mutator mutator) => mutator.OneIn(4)
        ? mutator.Mutate(SafetensorsWriter.File(Header, Data))
        : SafetensorsWriter.File(mutator.Mutate(Encoding.UTF8.GetBytes(Header)), Data);

    private static (string, byte[])[] Shards(Mutator mutator)
    {
        var damaged = mutator.OneIn(4);
        return
        [
            ("model.index.json", damaged ? Encoding.UTF8.GetBytes(Index) : mutator.Mutate(Encoding.UTF8.GetBytes(Index))),
            ("model-1.safetensors", damaged ? Safetensors(mutator) : SafetensorsWriter.File(Header, Data)),
            ("model-2.bin", TorchWriter.Zip(Dump(Tensor("x", "1")), Storages)),
        ];
    }

    private static Dictionary<object, object?> Tensor(string name, string key) => new() { [name] = TorchWriter.Tensor("FloatStorage", key, 6, [6]) };

    private static Dictionary<object, object?> Tensors() => new()
    {
        ["a.weight"] = TorchWriter.Tensor("FloatStorage", "0", 10, [2, 5]),
        ["a.bias"] = TorchWriter.Tensor("FloatStorage", "0", 10, [3], [2], 4),
        ["half"] = TorchWriter.Tensor("HalfStorage", "2", 3, [3]),
        ["parameter"] = new Call(new Global("torch._utils", "_rebuild_parameter"), TorchWriter.Tensor("LongStorage", "1", 3, [3]), true),
        ["hparams"] = new Dictionary<object, object?> { ["dim"] = 64, ["lr"] = 1e-4, ["big"] = 1L << 40, ["types"] = new object?[] { "full", true, null } },
        ["step"] = new Call(new Global("numpy.core.multiarray", "scalar"), new Call(new Global("numpy", "dtype"), "f8", false, true), new byte[8]),
    };
}
