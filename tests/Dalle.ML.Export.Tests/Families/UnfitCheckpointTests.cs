using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Tests.Checkpoints;
using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Families;

/// <summary>Checkpoints of ru-DALLE and minDALL-E that cannot be exported, and what is said of them.</summary>
public sealed class UnfitCheckpointTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    // The tensors whose shapes are asked for, before any other is read.
    private readonly Dictionary<string, Tensor> _ruDalle = new()
    {
        ["text_embeddings.weight"] = Zeros(20, 8),
        ["text_pos_embeddings.weight"] = Zeros(5, 8),
        ["image_embeddings.weight"] = Zeros(6, 8),
        ["image_row_embeddings.weight"] = Zeros(2, 8),
        ["image_col_embeddings.weight"] = Zeros(2, 8),
        ["transformer.layers.0.input_layernorm.weight"] = Zeros(8),
    };

    private readonly Dictionary<string, Tensor> _minDalle = new()
    {
        ["tok_emb_txt.weight"] = Zeros(20, 8),
        ["pos_emb_txt.weight"] = Zeros(4, 8),
        ["tok_emb_img.weight"] = Zeros(6, 8),
        ["pos_emb_img.weight"] = Zeros(4, 8),
        ["blocks.0.ln1.weight"] = Zeros(8),
    };

    private readonly Dictionary<string, Tensor> _vqgan = new()
    {
        ["decoder.conv_in.weight"] = Zeros(32, 4, 1, 1),
        ["decoder.up.0.block.0.conv1.weight"] = Zeros(32, 32, 1, 1),
        ["quantize.embed.weight"] = Zeros(6, 4),
        ["quantize.embedding.weight"] = Zeros(6, 4),
        ["quantize.proj.weight"] = Zeros(6, 4, 1, 1),
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("heads", "3", "3 attention heads do not divide a width of 8")]
    [InlineData("heads", "0", "0 attention heads")]
    [InlineData("heads", "many", "heads is 'many'")]
    [InlineData("version", "1", "version is 1")]
    [InlineData("speed", "9", "no setting 'speed'")]
    public void A_setting_that_is_impossible_is_named(string setting, string value, string message) =>
        Refused(message, "ru-dalle", _ruDalle, new() { ["heads"] = "2", [setting] = value });

    [Theory]
    [InlineData("ru-dalle", 8)]
    [InlineData("minDALL-E", 8)]
    [InlineData("minDALL-E", 96)]
    public void A_width_of_which_nothing_tells_the_heads_asks_for_the_setting(string family, int width) => Refused(
        $"Nothing tells the number of attention heads, and the width of {width}", family,
        family == "ru-dalle" ? With(_ruDalle, "text_embeddings.weight", 20, width) : With(_minDalle, "tok_emb_img.weight", 6, width), []);

    [Fact]
    public void A_tensor_that_is_missing_or_of_another_shape_is_named()
    {
        Refused("text_embeddings.weight", "ru-dalle", new() { ["surprise"] = Zeros(1) });
        Refused("tok_emb_img.weight", "minDALL-E", new() { ["surprise"] = Zeros(1) });
        Refused("'text_embeddings.weight' has the shape [160]", "ru-dalle", With(_ruDalle, "text_embeddings.weight", 160));
        Refused("'pos_emb_img.weight' has the shape [4]", "minDALL-E", With(_minDalle, "pos_emb_img.weight", 4));
        Refused("'image_col_embeddings.weight'", "ru-dalle", With(_ruDalle, "image_col_embeddings.weight", 3, 8));
    }

    [Fact]
    public void Sizes_beyond_a_bundle_are_refused_before_anything_is_made()
    {
        Refused("300 × 300 image tokens", "ru-dalle", With(_ruDalle, "image_row_embeddings.weight", 300, 1));
        Refused("5 positions for the image, which do not form a square", "minDALL-E", With(_minDalle, "pos_emb_img.weight", 5, 8));
    }

    [Fact]
    public void A_vqgan_of_another_model_is_refused()
    {
        _vqgan["quantize.embed.weight"] = _vqgan["quantize.embedding.weight"] = Zeros(7, 4);
        Refused("The VQGAN has a codebook of 7 and the transformer one of 6", "ru-dalle", _ruDalle);
        Refused("The VQGAN has a codebook of 7 and the transformer one of 6", "minDALL-E", _minDalle);
        _vqgan.Clear();
        _vqgan["surprise"] = Zeros(1);
        Refused("quantize.proj.weight", "ru-dalle", _ruDalle);
        Refused("quantize.embedding.weight", "minDALL-E", _minDalle);
    }

    [Theory]
    [InlineData("{\"a\": 1}")]
    [InlineData("{\"[PAD]\": \"x\"}")]
    [InlineData("[]")]
    [InlineData("nothing")]
    public void A_vocabulary_without_padding_is_refused(string vocabulary)
    {
        var tokenizer = Directory.CreateDirectory(Path.Combine(_folder.Path, "source", "tokenizer")).FullName;
        File.WriteAllText(Path.Combine(tokenizer, "bpe-16k-vocab.json"), vocabulary);
        File.WriteAllText(Path.Combine(tokenizer, "bpe-16k-merges.txt"), "#version: 0.2\n");
        Refused("[PAD]", "minDALL-E", _minDalle);
    }

    private void Refused(string message, string family, Dictionary<string, Tensor> transformer, Dictionary<string, string>? settings = null)
    {
        var source = Directory.CreateDirectory(Path.Combine(_folder.Path, "source")).FullName;
        SafetensorsWriter.Write(Path.Combine(source, family == "ru-dalle" ? "model.safetensors" : "stage2.safetensors"), transformer);
        SafetensorsWriter.Write(Path.Combine(source, family == "ru-dalle" ? "vqgan.ckpt" : "stage1.safetensors"), _vqgan);
        File.WriteAllText(Path.Combine(source, "bpe.model"), "0 0\n1 0 2 3\n");
        var output = Path.Combine(_folder.Path, "bundle");
        var options = new ExportOptions { Settings = settings ?? new() { ["heads"] = "2" } };
        var error = Assert.ThrowsAny<Exception>(() => BundleExporter.Export(family, [source], output, options));
        Assert.True(error is InvalidDataException or ArgumentException, error.ToString());
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(output));
    }

    private static Dictionary<string, Tensor> With(Dictionary<string, Tensor> weights, string name, params int[] shape) =>
        new(weights) { [name] = Zeros(shape) };

    private static Tensor Zeros(params int[] shape) => new(new float[shape.Aggregate(1, (product, size) => product * size)], isFloat16: false, shape);
}
