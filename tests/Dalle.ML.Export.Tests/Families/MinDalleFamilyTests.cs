using System.Text.RegularExpressions;
using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Families;

public sealed class MinDalleFamilyTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TinyDalleBart _model = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Sizes_come_from_the_weights_and_defaults_from_the_project()
    {
        Export();
        var manifest = Bundle.Open(Output).Manifest;
        var (image, text, decoder, sampling) = (manifest.Image!, manifest.Text!, manifest.Decoder!, manifest.Sampling);
        Assert.Equal((8, 8, 4, 4, TinyDalleBart.Codes), (image.Width, image.Height, image.Rows, image.Columns, image.CodebookSize));
        Assert.Equal((256, 8), (text.Vocabulary, text.Length));
        Assert.Equal((2, TinyDalleBart.Heads, 16, 16), (decoder.Cache.Layers, decoder.Cache.Heads, decoder.Cache.HeadSize, decoder.Cache.Capacity));
        Assert.Equal([TinyDalleBart.Codes - 1], decoder.Start);
        Assert.Equal((16, 256, 1, 1), (sampling.Guidance, sampling.TopK, sampling.Temperature, sampling.TopP));
    }

    [Fact]
    public void Settings_go_before_what_lies_beside_the_weights()
    {
        Export(("heads", "4"), ("bos", "40"));
        var decoder = Bundle.Open(Output).Manifest.Decoder!;
        Assert.Equal(4, decoder.Cache.Heads);
        Assert.Equal([40], decoder.Start);
    }

    [Fact]
    public void Without_a_word_on_heads_they_have_the_published_size_or_are_asked_for()
    {
        string Source(int width)
        {
            var source = new TinyDalleBart(width).Write(Path.Combine(_folder.Path, $"{width}"));
            File.Delete(Path.Combine(source, "config.json"));
            return source;
        }
        BundleExporter.Export("min-dalle", [Source(128)], Output);
        var cache = Bundle.Open(Output).Manifest.Decoder!.Cache;
        Assert.Equal((2, 64), (cache.Heads, cache.HeadSize));
        var message = Assert.Throws<InvalidDataException>(() => BundleExporter.Export("min-dalle", [Source(96)], Output)).Message;
        Assert.Contains("width of 96", message, StringComparison.Ordinal);
        Assert.Contains("setting 'heads'", message, StringComparison.Ordinal);
        BundleExporter.Export("min-dalle", [Source(96)], Output, new() { Settings = new Dictionary<string, string> { ["heads"] = "3" } });
        Assert.Equal(3, Bundle.Open(Output).Manifest.Decoder!.Cache.Heads);
    }

    [Fact]
    public void Norms_that_are_saved_without_scale_have_none()
    {
        Export();
        var (encoder, decoder) = (Weights("text_encoder"), Weights("decoder"));
        foreach (var weights in new[] { _model.Encoder, _model.Decoder })
        {
            foreach (var name in weights.Keys.Where(name => Regex.IsMatch(name, @"(pre_.*|glu\.ln.|final_ln)\.weight")).ToArray())
                weights.Remove(name);
        }
        Export();
        Assert.Equal(encoder, Weights("text_encoder"));
        Assert.Equal(decoder, Weights("decoder"));

        byte[] Weights(string graph) => File.ReadAllBytes(Path.Combine(Output, graph + ".weights"));
    }

    [Fact]
    public void A_prompt_is_told_apart_from_none_by_guidance_alone()
    {
        Export();
        using var model = DalleModel.Load(Output);
        int[] Generate(string prompt, float guidance)
        {
            var sampling = new SamplingOptions { GuidanceScale = guidance, TopK = 1 };
            using var image = model.Generate(prompt, seed: 3, new GenerationOptions { Sampling = sampling });
            return [.. image.Tokens];
        }
        // The prompt's ends and nothing between them: what stands for no prompt is the prompt itself.
        Assert.Equal(Generate("", 1), Generate("", 16));
        Assert.NotEqual(Generate("cat", 1), Generate("cat", 16));
    }

    [Theory]
    [InlineData("heads", "3", "heads")]
    [InlineData("heads", "0", "heads")]
    [InlineData("bos", "41", "bos")]
    [InlineData("bos", "-1", "bos")]
    public void Settings_that_do_not_fit_are_named(string name, string value, string reason) =>
        AssertRefused<InvalidDataException>(reason, (name, value));

    [Fact]
    public void A_setting_that_is_no_number_is_named() => AssertRefused<ArgumentException>("bos", ("bos", "last"));

    [Fact]
    public void What_is_not_such_a_model_is_refused_by_the_name_of_what_is_wrong()
    {
        var place = _model.Decoder["embed_positions.weight"];
        _model.Decoder["embed_positions.weight"] = place.Rows(..15);
        AssertRefused<InvalidDataException>("15 positions");
        _model.Decoder["embed_positions.weight"] = place;

        var query = _model.Decoder["layers.1.encoder_attn.q_proj.weight"];
        _model.Decoder["layers.1.encoder_attn.q_proj.weight"] = query.Rows(..16);
        AssertRefused<InvalidDataException>("layers.1.encoder_attn.q_proj.weight");
        _model.Decoder.Remove("layers.1.encoder_attn.q_proj.weight");
        AssertRefused<InvalidDataException>("layers.1.encoder_attn.q_proj.weight");
        _model.Decoder["layers.1.encoder_attn.q_proj.weight"] = query;

        _model.Detokenizer["embedding.weight"] = Tensor.Concat(_model.Detokenizer["embedding.weight"], _model.Detokenizer["embedding.weight"]);
        AssertRefused<InvalidDataException>("too few for 80 image tokens");

        _model.Encoder["layers.0.self_attn.q_proj.bias"] = new Tensor(new float[TinyDalleBart.Width], isFloat16: false, TinyDalleBart.Width);
        AssertRefused<InvalidDataException>("layers.0.self_attn.q_proj.bias");
    }

    [Fact]
    public void Files_that_are_missing_or_broken_are_named()
    {
        var source = _model.Write(Path.Combine(_folder.Path, "source"));
        File.WriteAllText(Path.Combine(source, "config.json"), "heads: 2");
        Action export = () => BundleExporter.Export("min-dalle", [source], Output);
        Assert.Contains("config.json", Assert.Throws<InvalidDataException>(export).Message, StringComparison.Ordinal);
        File.Delete(Path.Combine(source, "detoker.safetensors"));
        Assert.Contains("vqgan/detoker.pt", Assert.Throws<FileNotFoundException>(export).Message, StringComparison.Ordinal);
    }

    private string Output => Path.Combine(_folder.Path, "bundle");

    private void Export(params (string Name, string Value)[] settings)
    {
        var source = _model.Write(Path.Combine(_folder.Path, "source"));
        BundleExporter.Export("min-dalle", [source], Output, new ExportOptions { Settings = settings.ToDictionary() });
    }

    private void AssertRefused<T>(string reason, params (string Name, string Value)[] settings)
        where T : Exception
    {
        Assert.Contains(reason, Assert.Throws<T>(() => Export(settings)).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Output));
    }
}
