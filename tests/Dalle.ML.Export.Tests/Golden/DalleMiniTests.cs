using System.Text.RegularExpressions;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Tests.Checkpoints;
using Dalle.ML.Models;
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

    public static IEnumerable<TheoryDataRow<string, bool>> Models() => MinDalleTests.Folders()
        .SelectMany(folder => new[] { true, false }.Select(isScanned => new TheoryDataRow<string, bool>(folder.Data, isScanned) { Skip = folder.Skip }));

    [Theory]
    [MemberData(nameof(Models))]
    public void Flax_modules_give_the_graphs_of_the_same_weights_in_PyTorch(string folder, bool isScanned)
    {
        var models = Path.Combine(GoldenFolder.Root!, folder, "models");
        var flax = Directory.CreateDirectory(Path.Combine(_folder.Path, "flax")).FullName;
        Directory.CreateDirectory(Path.Combine(flax, "vqgan"));
        File.WriteAllBytes(Path.Combine(flax, "flax_model.msgpack"), FlaxWriter.Write(Bart(models, isScanned)));
        File.WriteAllBytes(Path.Combine(flax, "vqgan", "flax_model.msgpack"), FlaxWriter.Write(Vqgan(models)));
        foreach (var file in new[] { "vocab.json", "merges.txt" })
            File.Copy(Find(models, file), Path.Combine(flax, file));

        var (expected, actual) = (Path.Combine(_folder.Path, "expected"), Path.Combine(_folder.Path, "actual"));
        BundleExporter.Export("min-dalle", [models], expected);
        var decoder = Bundle.Open(expected).Manifest.Decoder!;
        File.WriteAllText(Path.Combine(flax, "config.json"), $$"""{"decoder_attention_heads": {{decoder.Cache.Heads}}, "decoder_start_token_id": {{decoder.Start[0]}}}""");
        BundleExporter.Export("dalle-mini", [flax], actual);

        // The image decoder's graphs differ in the epsilon of their norms.
        string[] files = ["text_encoder.onnx", "text_encoder.weights", "decoder.onnx", "decoder.weights", "image_decoder.weights"];
        Assert.All(files, file => Assert.Equal(File.ReadAllBytes(Path.Combine(expected, file)), File.ReadAllBytes(Path.Combine(actual, file))));
        Assert.Equivalent(decoder, Bundle.Open(actual).Manifest.Decoder);
    }

    private static string Find(string folder, string file) => Directory.EnumerateFiles(folder, file, SearchOption.AllDirectories).First();

    private static IEnumerable<(string, Tensor)> Bart(string models, bool isScanned)
    {
        foreach (var side in new[] { "Encoder", "Decoder" })
        {
            using var weights = Checkpoint.Open(Find(models, side.ToLowerInvariant() + ".pt"));
            foreach (var name in weights.Names.Where(name => !name.StartsWith("layers.", StringComparison.Ordinal)))
            {
                if (Flax(name, weights.Read(name)) is var (flax, tensor))
                    yield return (name == "lm_head.weight" ? flax : $"model.{side.ToLowerInvariant()}.{flax}", tensor);
            }
            foreach (var parameter in weights.Names.Where(name => name.StartsWith("layers.0.", StringComparison.Ordinal)).Select(name => name["layers.0.".Length..]))
            {
                var layers = Enumerable.Range(0, int.MaxValue).TakeWhile(layer => weights.Contains($"layers.{layer}.{parameter}"))
                    .Select(layer => Flax(parameter, weights.Read($"layers.{layer}.{parameter}"))).OfType<(string Name, Tensor Tensor)>().ToArray();
                var path = $"model.{side.ToLowerInvariant()}.layers.FlaxBart{side}Layer";
                if (!isScanned)
                {
                    for (var layer = 0; layer < layers.Length; layer++)
                        yield return ($"{path}_{layer}.{layers[layer].Name}", layers[layer].Tensor);
                }
                else if (layers is [var (name, first), ..])
                    yield return ($"{path}s.{name}", Tensor.Concat([.. layers.Select(layer => layer.Tensor)]).Reshape([layers.Length, .. first.Shape]));
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

    private static IEnumerable<(string, Tensor)> Vqgan(string models)
    {
        using var weights = Checkpoint.Open(Find(models, "detoker.pt"));
        foreach (var name in weights.Names)
        {
            var tensor = weights.Read(name);
            var flax = name == "embedding.weight" ? "quantize.embedding.embedding" : Numbers().Replace(name, "$1_$2");
            yield return tensor.Rank == 4 ? (flax.Replace("weight", "kernel", StringComparison.Ordinal), tensor.Transpose(2, 3, 1, 0))
                : (name == "embedding.weight" ? flax : flax.Replace("weight", "scale", StringComparison.Ordinal), tensor);
        }
    }

    [GeneratedRegex(@"(\w+)\.(\d+)")]
    private static partial Regex Numbers();
}
