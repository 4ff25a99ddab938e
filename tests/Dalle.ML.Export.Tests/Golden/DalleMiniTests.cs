using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Tests.Checkpoints;
using Dalle.ML.Generation;
using Dalle.ML.Images;
using Dalle.ML.Onnx;
using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>
/// There is no reference data of dalle-mini itself: min-dalle's weights are put back into flax's modules, and must give the same graphs.
/// </summary>
[Trait("Category", "Golden")]
public sealed partial class DalleMiniTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static IEnumerable<TheoryDataRow<string, bool>> Models() =>
        from encoder in MinDalleTests.Models()
        from isScanned in new[] { true, false }
        select new TheoryDataRow<string, bool>(encoder.Data, isScanned) { Skip = encoder.Skip };

    [Theory]
    [MemberData(nameof(Models))]
    public void Flax_modules_give_the_graphs_of_the_same_weights_in_PyTorch(string encoder, bool isScanned)
    {
        var models = ModelsOf(encoder);
        BundleExporter.Export("min-dalle", [models], Output("expected"), new ExportOptions { Settings = MinDalleTests.HeadsOf(encoder) });
        var expected = Bundle.Open(Output("expected")).Manifest.Decoder!;
        var flax = WriteFlax(models, isScanned, Find(models, "detoker.pt"));
        File.WriteAllText(
            Path.Combine(flax, "config.json"),
            $$"""{"decoder_attention_heads": {{expected.Cache.Heads}}, "decoder_start_token_id": {{expected.Start[0]}}}""");
        BundleExporter.Export("dalle-mini", [flax], Output("actual"));

        AssertSame("text_encoder.onnx", "text_encoder.weights", "decoder.onnx", "decoder.weights", "image_decoder.weights");
        Assert.Equivalent(expected, Bundle.Open(Output("actual")).Manifest.Decoder);
        Assert.All(Epsilons("expected"), epsilon => Assert.Equal(1e-5f, epsilon));
        Assert.All(Epsilons("actual"), epsilon => Assert.Equal(1e-6f, epsilon));
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void A_whole_VQGAN_encodes_images_too(string encoder, bool isScanned)
    {
        var models = ModelsOf(encoder);
        using var decoder = Checkpoint.Open(Find(models, "decoder.pt"));
        var vqgan = GoldenFolder.Files("taming-vqgan", "model.ckpt").Where(row => row.Skip is null)
            .Select(row => Path.Combine(GoldenFolder.Root, row.Data))
            .FirstOrDefault(file => Codes(file) <= decoder.Shape("embed_tokens.weight")[0]);
        Assert.SkipWhen(vqgan is null, "There is no VQGAN of few enough codes.");

        var flax = WriteFlax(models, isScanned, vqgan);
        var heads = new ExportOptions { Settings = MinDalleTests.HeadsOf(encoder) };
        BundleExporter.Export("dalle-mini", [flax], Output("actual"), heads);
        File.Copy(vqgan, Path.Combine(flax, "vqgan", "model.ckpt"));
        File.Delete(Path.Combine(flax, "vqgan", "flax_model.msgpack"));
        BundleExporter.Export("dalle-mini", [flax], Output("expected"), heads);
        AssertSame("image_encoder.onnx", "image_encoder.weights", "image_decoder.onnx", "image_decoder.weights");

        // Where this one takes pixels as they are, taming-transformers doubles them and takes one off.
        using var codec = new DiscreteVae(Bundle.Open(Output("actual")), DalleDevice.Cpu);
        var side = Bundle.Open(Output("actual")).Manifest.Image!.Width;
        var settings = new Dictionary<string, string> { ["resolution"] = $"{side}" };
        BundleExporter.Export("taming-vqgan", [vqgan], Output("taming"), new ExportOptions { Settings = settings });
        using var taming = new DiscreteVae(Bundle.Open(Output("taming")), DalleDevice.Cpu);
        float[] pixels = [.. Enumerable.Range(0, 3 * side * side).Select(i => Philox.Uniform(7, (uint)(i / 97))).Select(value => (float)value)];
        Assert.Equal(
            taming.Encode(new ImageTensor(side, side, Array.ConvertAll(pixels, pixel => (pixel + 1) / 2))),
            codec.Encode(new ImageTensor(side, side, pixels)));
    }

    /// <summary>The number of codes of a VQModel.</summary>
    private static int? Codes(string vqgan)
    {
        const string Codebook = "state_dict.quantize.embedding.weight";
        using var weights = Checkpoint.Open(vqgan);
        return weights.Contains(Codebook) ? weights.Shape(Codebook)[0] : null;
    }

    /// <summary>A folder in the layout of dalle-mini.</summary>
    private string WriteFlax(string models, bool isScanned, string vqgan)
    {
        var flax = Path.Combine(_folder.Path, "flax");
        Directory.CreateDirectory(Path.Combine(flax, "vqgan"));
        File.WriteAllBytes(Path.Combine(flax, "flax_model.msgpack"), MsgPackWriter.Dump(Nest(Bart(models, isScanned))));
        File.WriteAllBytes(Path.Combine(flax, "vqgan", "flax_model.msgpack"), MsgPackWriter.Dump(Nest(Vqgan(vqgan))));
        foreach (var file in new[] { "vocab.json", "merges.txt" })
            File.Copy(Find(models, file), Path.Combine(flax, file));
        return flax;
    }

    private void AssertSame(params string[] files) => Assert.All(files, file => Assert.Equal(Read("expected", file), Read("actual", file)));

    private byte[] Read(string bundle, string file) => File.ReadAllBytes(Path.Combine(Output(bundle), file));

    private IEnumerable<float> Epsilons(string bundle) => ModelProto.Parser.ParseFrom(Read(bundle, "image_decoder.onnx")).Graph.Node
        .Where(node => node.OpType == "InstanceNormalization").Select(node => node.Attribute.Single(attribute => attribute.Name == "epsilon").F);

    private string Output(string name) => Path.Combine(_folder.Path, name);

    private static string ModelsOf(string encoder) => Path.GetDirectoryName(Path.GetDirectoryName(Path.Combine(GoldenFolder.Root, encoder)))!;

    /// <summary>Flax's nested maps of arrays.</summary>
    private static Dictionary<object, object?> Nest(IEnumerable<(string Name, Tensor Tensor)> tensors)
    {
        var root = new Dictionary<object, object?>();
        foreach (var (name, tensor) in tensors)
        {
            var (path, map) = (name.Split('.'), root);
            foreach (var module in path[..^1])
            {
                map.TryAdd(module, new Dictionary<object, object?>());
                map = (Dictionary<object, object?>)map[module]!;
            }
            map.Add(path[^1], MsgPackWriter.Array("float32", MemoryMarshal.AsBytes(tensor.Values.AsSpan()).ToArray(), tensor.Shape));
        }
        return root;
    }

    private static string Find(string folder, string file) =>
        Directory.EnumerateFiles(folder, file, SearchOption.AllDirectories).First();

    private static IEnumerable<(string, Tensor)> Bart(string models, bool isScanned)
    {
        const string First = "layers.0.";
        foreach (var side in new[] { "Encoder", "Decoder" })
        {
            var place = $"model.{side.ToLowerInvariant()}.";
            var layer = $"{place}layers.FlaxBart{side}Layer";
            using var weights = Checkpoint.Open(Find(models, side.ToLowerInvariant() + ".pt"));
            foreach (var name in weights.Names.Where(name => !name.StartsWith("layers.", StringComparison.Ordinal)))
            {
                if (Flax(name, weights.Read(name)) is var (flax, tensor))
                    yield return (name == "lm_head.weight" ? flax : place + flax, tensor);
            }
            foreach (var parameter in weights.Subtree(First).Names)
            {
                var layers = Enumerable.Range(0, weights.Count("layers.", "." + parameter))
                    .Select(i => Flax(parameter, weights.Read($"layers.{i}.{parameter}"))).OfType<(string Name, Tensor Tensor)>().ToArray();
                var stack = layers.Select(entry => entry.Tensor).ToArray();
                if (isScanned && layers is [var (name, first), ..])
                    yield return ($"{layer}s.{name}", Tensor.Concat(stack).Reshape([stack.Length, .. first.Shape]));
                for (var i = 0; !isScanned && i < layers.Length; i++)
                    yield return ($"{layer}_{i}.{layers[i].Name}", layers[i].Tensor);
            }
        }
    }

    /// <summary>A tensor of min-dalle as flax keeps it; null for the scale of a norm that flax has none of.</summary>
    private static (string Name, Tensor Tensor)? Flax(string name, Tensor tensor)
    {
        string[] scaled = ["layernorm_embedding", "self_attn_layer_norm", "encoder_attn_layer_norm"];
        var (module, parameter) = (name[..name.LastIndexOf('.')], name[(name.LastIndexOf('.') + 1)..]);
        if (parameter == "weight" && tensor.Rank == 1 && !scaled.Contains(module) && tensor.Values.All(value => value == 1))
            return null;

        (string Torch, string Flax)[] names =
        [
            ("pre_self_attn_layer_norm", "LayerNorm_0"),
            ("pre_encoder_attn_layer_norm", "LayerNorm_2"),
            ("self_attn_layer_norm", "LayerNorm_1"),
            ("encoder_attn_layer_norm", "LayerNorm_3"),
            ("self_attn.", "FlaxBartAttention_0."),
            ("encoder_attn.", "FlaxBartAttention_1."),
            ("glu.ln", "GLU_0.LayerNorm_"),
            ("glu.fc", "GLU_0.Dense_"),
        ];
        module = names.Aggregate(module, (name, pair) => name.Replace(pair.Torch, pair.Flax, StringComparison.Ordinal));
        return parameter == "bias" ? ($"{module}.bias", tensor)
            : tensor.Rank == 1 ? ($"{module}.scale", tensor)
            : module.StartsWith("embed_", StringComparison.Ordinal) ? ($"{module}.embedding", tensor)
            : ($"{module}.kernel", tensor.Transpose(1, 0));
    }

    private static IEnumerable<(string, Tensor)> Vqgan(string file)
    {
        using var whole = Checkpoint.Open(file);
        var weights = whole.FindSubtree("decoder.conv_in.weight");
        foreach (var name in weights.Names)
        {
            var tensor = weights.Read(name);
            if (name.EndsWith("embedding.weight", StringComparison.Ordinal))
                yield return ("quantize.embedding.embedding", tensor);
            else
            {
                var flax = Numbers().Replace(name, "$1_$2");
                yield return tensor.Rank == 4 ? (flax.Replace("weight", "kernel", StringComparison.Ordinal), tensor.Transpose(2, 3, 1, 0))
                    : (flax.Replace("weight", "scale", StringComparison.Ordinal), tensor);
            }
        }
    }

    [GeneratedRegex(@"(\w+)\.(\d+)")]
    private static partial Regex Numbers();
}
