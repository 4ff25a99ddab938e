using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Tests.Checkpoints;
using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Families;

/// <summary>Files that are not those of a ruCLIP that can be exported, and what is said of them.</summary>
public sealed class RuClipFamilyTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    // The tensors whose shapes are asked for, before any other is read.
    private readonly Dictionary<string, Tensor> _weights = new()
    {
        ["ln_final.weight"] = Zeros(96),
        ["positional_embedding"] = Zeros(20, 96),
        ["token_embedding.weight"] = Zeros(30, 96),
        ["text_projection"] = Zeros(96, 8),
        ["transformer.resblocks.0.ln_1.weight"] = Zeros(96),
        ["transformer.resblocks.0.mlp.c_fc.weight"] = Zeros(384, 96),
        ["visual.class_embedding"] = Zeros(64),
        ["visual.conv1.weight"] = Zeros(64, 3, 8, 8),
        ["visual.positional_embedding"] = Zeros(5, 64),
        ["visual.transformer.resblocks.0.ln_1.weight"] = Zeros(64),
        ["visual.transformer.resblocks.0.mlp.c_fc.weight"] = Zeros(256, 64),
    };

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_first_ruclip_is_refused_by_its_name() =>
        Refused("first ruCLIP (ViT-B32-small.pt", "{}", new() { ["text_encoder.projection.linear1.weight"] = Zeros(4, 2), ["visual_encoder.projection.linear1.weight"] = Zeros(4, 2) });

    [Theory]
    [InlineData("{}", "does not give 'transformer_heads'")]
    [InlineData("""{"transformer_heads": 5}""", "96 wide, which 5 attention heads do not divide")]
    [InlineData("""{"transformer_heads": "many"}""", "'transformer_heads' is 'many'")]
    [InlineData("""{"transformer_heads": 3, "image_resolution": 48}""", "images of 48 pixels, the weights such of 16")]
    [InlineData("""{"transformer_heads": 3, "mean": [0.5, 0.5]}""", "'mean' has 2 numbers")]
    [InlineData("""{"transformer_heads": 3, "std": [1, 1, 0]}""", "'std' has a number that is not above zero")]
    [InlineData("""{"transformer_heads": 3, "std": [1, 1, null]}""", "'std'")]
    public void A_configuration_that_does_not_fit_is_told(string config, string message) => Refused(message, config, _weights);

    [Fact]
    public void Without_its_configuration_it_says_which_file_is_lacking()
    {
        SafetensorsWriter.Write(Path.Combine(_folder.Path, "model.safetensors"), _weights);
        Assert.Contains("config.json", Assert.Throws<FileNotFoundException>(Export).Message, StringComparison.Ordinal);
    }

    private static Tensor Zeros(params int[] shape) => new(new float[shape.Aggregate(1, (a, b) => a * b)], isFloat16: false, shape);

    private void Refused(string message, string config, Dictionary<string, Tensor> weights)
    {
        SafetensorsWriter.Write(Path.Combine(_folder.Path, "model.safetensors"), weights);
        File.WriteAllText(Path.Combine(_folder.Path, "config.json"), config);
        Assert.Contains(message, Assert.Throws<InvalidDataException>(Export).Message, StringComparison.Ordinal);
    }

    private void Export() => BundleExporter.Export("ru-clip", [_folder.Path], Path.Combine(_folder.Path, "bundle"));
}
