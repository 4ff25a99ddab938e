using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Tests.Checkpoints;
using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Families;

public sealed class DallePytorchFamilyTests : IDisposable
{
    private const string Family = "dalle-pytorch";

    private readonly TemporaryFolder _folder = new();

    // A DALLE of one layer, 8 channels, 4 + 4 tokens and 6 codes, with an autoencoder that halves images of 4 pixels.
    private readonly Dictionary<string, long[]> _shapes = new()
    {
        ["vae.codebook.weight"] = [6, 4],
        ["vae.encoder.0.0.weight"] = [4, 3, 4, 4],
        ["vae.encoder.0.0.bias"] = [4],
        ["vae.encoder.1.weight"] = [6, 4, 1, 1],
        ["vae.encoder.1.bias"] = [6],
        ["vae.decoder.0.0.weight"] = [4, 4, 4, 4],
        ["vae.decoder.0.0.bias"] = [4],
        ["vae.decoder.1.weight"] = [3, 4, 1, 1],
        ["vae.decoder.1.bias"] = [3],
        ["text_emb.weight"] = [14, 8],
        ["text_pos_emb.weight"] = [5, 8],
        ["image_emb.weight"] = [6, 8],
        ["image_pos_emb.weights_0"] = [1, 2, 1, 8],
        ["image_pos_emb.weights_1"] = [1, 1, 2, 8],
        ["transformer.layers.layers.0.0.scale"] = [1, 1, 8],
        ["transformer.layers.layers.0.0.fn.norm.weight"] = [8],
        ["transformer.layers.layers.0.0.fn.norm.bias"] = [8],
        ["transformer.layers.layers.0.0.fn.fn.to_qkv.weight"] = [24, 8],
        ["transformer.layers.layers.0.0.fn.fn.to_out.0.weight"] = [8, 8],
        ["transformer.layers.layers.0.0.fn.fn.to_out.0.bias"] = [8],
        ["transformer.layers.layers.0.1.scale"] = [1, 1, 8],
        ["transformer.layers.layers.0.1.fn.norm.weight"] = [8],
        ["transformer.layers.layers.0.1.fn.norm.bias"] = [8],
        ["transformer.layers.layers.0.1.fn.fn.net.0.weight"] = [64, 8],
        ["transformer.layers.layers.0.1.fn.fn.net.0.bias"] = [64],
        ["transformer.layers.layers.0.1.fn.fn.net.3.weight"] = [8, 32],
        ["transformer.layers.layers.0.1.fn.fn.net.3.bias"] = [8],
        ["to_logits.0.weight"] = [8],
        ["to_logits.0.bias"] = [8],
        ["to_logits.1.weight"] = [20, 8],
        ["to_logits.1.bias"] = [20],
    };

    private readonly Dictionary<object, object?> _arguments = new()
    {
        ["num_text_tokens"] = 10,
        ["text_seq_len"] = 4,
        ["dim_head"] = 8,
        ["attn_types"] = new object?[] { "full" },
        ["shift_tokens"] = false,
    };

    private readonly Dictionary<object, object?> _vaeArguments = new() { ["image_size"] = 4 };

    public static IEnumerable<TheoryDataRow<string>> Vqgans() => GoldenFolder.Files("taming-vqgan", "model.ckpt");

    public static IEnumerable<TheoryDataRow<string>> OpenAiEncoders() => GoldenFolder.Files("openai-dvae", "encoder_state_dict.pt");

    private string Output => Path.Combine(_folder.Path, "bundle");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(Precision.Fp32)]
    [InlineData(Precision.Fp16)]
    [InlineData(Precision.Int8)]
    [InlineData(Precision.Int4)]
    public void Random_weights_draw_and_complete_images_in_every_precision(Precision precision)
    {
        BundleExporter.ExportRandom(Family, "tiny", Output, new ExportOptions { Precision = precision });
        using var model = DalleModel.Load(Output);
        using var generated = model.Generate("a red apple", seed: 1);
        Assert.Equal((32, 32), (generated.Image.Width, generated.Image.Height));
        using var completed = model.Complete("a red apple", generated.Image, KeepRegion.Top(2), seed: 2);
        Assert.Equal(model.EncodeImage(generated.Image).Take(2 * model.Info.TokenColumns), completed.Tokens.Take(2 * model.Info.TokenColumns));
    }

    [Fact]
    public void Defaults_are_those_of_the_project()
    {
        var bundle = Export();
        var manifest = bundle.Manifest;
        Assert.Equal((4, 4, 2, 2, 6), (manifest.Image!.Width, manifest.Image!.Height, manifest.Image.Rows, manifest.Image.Columns, manifest.Image.CodebookSize));
        // Half of all ids, those of the text among them.
        Assert.Equal((14 + 6) / 2, manifest.Sampling.TopK);
        Assert.Null(manifest.Decoder!.State);
        Assert.Equal(14, manifest.Decoder.ImageIdOffset);
    }

    [Fact]
    public void Wrappers_that_a_version_puts_around_a_layer_do_not_matter()
    {
        foreach (var name in _shapes.Keys.Where(name => name.Contains(".fn.fn.", StringComparison.Ordinal)).ToArray())
        {
            _shapes.Remove(name, out var shape);
            _shapes.Add(name.Replace(".fn.fn.", ".fn.fn.fn.fn.", StringComparison.Ordinal), shape!);
        }
        Assert.NotNull(Export().Manifest.Decoder);
    }

    [Fact]
    public void Positions_of_images_have_the_names_of_either_package_version()
    {
        var model = new TinyDallePytorch(rotaryWidth: 0);
        byte[][] Decoder()
        {
            BundleExporter.Export(Family, model.Write(_folder.Path), Output);
            return [File.ReadAllBytes(Path.Combine(Output, "decoder.onnx")), File.ReadAllBytes(Path.Combine(Output, "decoder.weights"))];
        }
        var older = Decoder();
        foreach (var axis in new[] { 0, 1 })
        {
            model.Weights.Remove($"image_pos_emb.weights_{axis}", out var positions);
            model.Weights.Add($"image_pos_emb.weights.{axis}", positions!);
        }
        Assert.Equal(older, Decoder());
    }

    [Theory]
    [InlineData(3)]
    [InlineData(0)]
    public void Heads_that_do_not_share_the_attention_are_named(int heads)
    {
        var settings = new Dictionary<string, string> { ["heads"] = $"{heads}" };
        Action export = () => BundleExporter.Export(Family, new TinyDallePytorch(rotaryWidth: 0).Write(_folder.Path), Output, new() { Settings = settings });
        Assert.Contains($"{heads} attention heads do not divide a width of 40", Assert.Throws<InvalidDataException>(export).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("default", 0.25f * 0.5f + 0.5f)]
    [InlineData("none", 0.25f)]
    [InlineData("other", 0.25f * 2 + 0.1f)]
    public void Images_are_brought_back_from_the_normalization_that_they_were_trained_in(string normalization, float expected)
    {
        // Weights are zero, and so is all but the last bias.
        if (normalization != "default")
            _vaeArguments["normalization"] = normalization == "none" ? null : new object?[] { new object?[] { 0.1, 0.1, 0.1, 0 }, new object?[] { 2.0, 2.0, 2.0, 1 } };
        Export();
        using var model = DalleModel.Load(Output);
        using var image = model.DecodeTokens([0, 1, 2, 3]);
        Assert.Equal((byte)MathF.Round(expected * 255), image.Pixels[0]);
    }

    [Theory]
    [Trait("Category", "Golden")]
    [MemberData(nameof(Vqgans))]
    public void A_vqgan_is_found_inside_the_checkpoint(string file)
    {
        ReplaceAutoencoder((file, "state_dict.", "vae.model."));
        var codebook = _shapes.Keys.Single(name => name.EndsWith("quantize.embedding.weight", StringComparison.Ordinal) || name.EndsWith("quantize.embed.weight", StringComparison.Ordinal));
        AssertImages(levels: Count("vae.model.decoder.up."), codes: (int)_shapes[codebook][0]);
    }

    [Theory]
    [Trait("Category", "Golden")]
    [MemberData(nameof(OpenAiEncoders))]
    public void OpenAis_autoencoder_is_found_inside_the_checkpoint(string encoder)
    {
        ReplaceAutoencoder((encoder, "", "vae.enc."), (encoder.Replace("encoder_", "decoder_", StringComparison.Ordinal), "", "vae.dec."));
        AssertImages(levels: Count("vae.dec.blocks.group_"), codes: (int)_shapes["vae.enc.blocks.output.conv.w"][0]);
    }

    [Theory]
    [InlineData("transformer.layers.layers.0.1.fn.fn.net.3.weight")]
    [InlineData("vae.decoder.1.bias")]
    [InlineData("to_logits.1.weight")]
    public void A_missing_tensor_is_named(string name)
    {
        _shapes.Remove(name);
        AssertRefused("no tensor 'weights." + name);
    }

    [Theory]
    [InlineData("transformer.layers.layers.0.0.fn.fn.to_qkv.weight", new long[] { 24, 9 }, "[24, 8]")]
    [InlineData("text_pos_emb.weight", new long[] { 6, 8 }, "[5, 8]")]
    [InlineData("vae.encoder.1.weight", new long[] { 7, 4, 1, 1 }, "[6, 4, 1, 1]")]
    [InlineData("vae.codebook.weight", new long[] { 6 }, "rank must be 2")]
    public void A_tensor_of_another_shape_is_named_with_both_shapes(string name, long[] shape, string due)
    {
        _shapes[name] = shape;
        AssertRefused($"Tensor 'weights.{name}'", $"[{string.Join(", ", shape)}]", due);
    }

    [Theory]
    [InlineData("attn_types", "mlp", "'mlp'")]
    [InlineData("attn_types", 3, "a list of words")]
    [InlineData("dim_head", 3, "heads of 3")]
    [InlineData("dim_head", -8, "'dim_head' is '-8'")]
    [InlineData("text_seq_len", 1L << 40, "between 1 and")]
    [InlineData("num_text_tokens", 11, "'weights.text_emb.weight'")]
    [InlineData("shift_tokens", "yes", "true or false")]
    public void Arguments_that_do_not_fit_are_named(string name, object value, string reason)
    {
        _arguments[name] = value;
        AssertRefused(reason);
    }

    [Theory]
    [InlineData("image_size", 5, "5 pixels")]
    [InlineData("image_size", "small", "'image_size' is 'small'")]
    public void Arguments_of_the_autoencoder_that_do_not_fit_are_named(string name, object value, string reason)
    {
        _vaeArguments[name] = value;
        AssertRefused(reason);
    }

    [Fact]
    public void A_checkpoint_without_an_autoencoder_is_refused()
    {
        foreach (var name in _shapes.Keys.Where(name => name.StartsWith("vae.", StringComparison.Ordinal)).ToArray())
            _shapes.Remove(name);
        AssertRefused("weights.vae.");
    }

    [Fact]
    public void A_checkpoint_without_its_tokenizer_says_which_file_is_missing()
    {
        var dalle = Dalle();
        var message = Assert.Throws<FileNotFoundException>(() => BundleExporter.Export(Family, [dalle], Output)).Message;
        Assert.Contains("bpe_simple_vocab_16e6.txt", message, StringComparison.Ordinal);
        Assert.Throws<InvalidDataException>(() => BundleExporter.Export(Family, [dalle, Tokenizer("tokenizer.json")], Output));
    }

    /// <summary>Puts the names and shapes of reference checkpoints in the place of the autoencoder's.</summary>
    private void ReplaceAutoencoder(params (string File, string From, string To)[] parts)
    {
        foreach (var name in _shapes.Keys.Where(name => name.StartsWith("vae.", StringComparison.Ordinal)).ToArray())
            _shapes.Remove(name);
        foreach (var (file, from, to) in parts)
        {
            using var checkpoint = Checkpoint.Open(Path.Combine(GoldenFolder.Root, file));
            foreach (var name in checkpoint.Names.Where(name => name.StartsWith(from, StringComparison.Ordinal)))
                _shapes.Add(to + name[from.Length..], Array.ConvertAll(checkpoint.Shape(name), size => (long)size));
        }
    }

    /// <summary>The number of different words that follow the beginning of a name.</summary>
    private int Count(string beginning) => _shapes.Keys.Where(name => name.StartsWith(beginning, StringComparison.Ordinal))
        .Select(name => name[beginning.Length..name.IndexOf('.', beginning.Length)]).Distinct().Count();

    /// <summary>Gives the transformer the sizes of an autoencoder of 256 × 256 pixels, and asserts that a bundle has them.</summary>
    private void AssertImages(int levels, int codes)
    {
        var grid = 256 >> (levels - 1);
        _shapes["image_emb.weight"] = [codes, 8];
        _shapes["image_pos_emb.weights_0"] = [1, grid, 1, 8];
        _shapes["image_pos_emb.weights_1"] = [1, 1, grid, 8];
        _shapes["to_logits.1.weight"] = [14 + codes, 8];
        _shapes["to_logits.1.bias"] = [14 + codes];
        var image = Export().Manifest.Image!;
        Assert.Equal((256, 256, grid, grid, codes), (image.Width, image.Height, image.Rows, image.Columns, image.CodebookSize));
        using var model = DalleModel.Load(Output);
        using var decoded = model.DecodeTokens(new int[grid * grid]);
        Assert.Equal(256, decoded.Width);
    }

    private void AssertRefused(params string[] reasons)
    {
        var message = Assert.Throws<InvalidDataException>(() => Export()).Message;
        Assert.All(reasons, reason => Assert.Contains(reason, message, StringComparison.Ordinal));
        Assert.False(Directory.Exists(Output));
    }

    private Bundle Export()
    {
        BundleExporter.Export(Family, [Dalle(), Tokenizer("bpe_simple_vocab_16e6.txt")], Output);
        return Bundle.Open(Output);
    }

    private string Dalle()
    {
        var most = _shapes.Values.Max(shape => shape.Aggregate((size, axis) => size * axis));
        var weights = _shapes.ToDictionary(entry => (object)entry.Key,
            entry => (object?)TorchWriter.Tensor("FloatStorage", entry.Key == "vae.decoder.1.bias" ? "quarters" : "zeros", most, entry.Value));
        var path = Path.Combine(_folder.Path, "dalle.pt");
        File.WriteAllBytes(path, TorchWriter.Zip(
            new Dictionary<object, object?> { ["hparams"] = _arguments, ["vae_params"] = _vaeArguments, ["weights"] = weights },
            new Dictionary<string, byte[]>
            {
                ["zeros"] = new byte[most * sizeof(float)],
                ["quarters"] = CheckpointTest.Bytes([.. Enumerable.Repeat(0.25f, (int)most)]),
            }));
        return path;
    }

    private string Tokenizer(string name)
    {
        var path = Path.Combine(_folder.Path, name);
        File.WriteAllText(path, "#version: 0.2\n");
        return path;
    }
}
