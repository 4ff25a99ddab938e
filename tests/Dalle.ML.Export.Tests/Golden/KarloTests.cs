using System.Text.Json;
using System.Text.Json.Nodes;
using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Families;
using Dalle.ML.Export.Tests.Checkpoints;
using Dalle.ML.Generation.Diffusion;
using Dalle.ML.Images;
using Dalle.ML.Tests;
using Dalle.ML.Text;
using Microsoft.ML.Data;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>The networks of Karlo's own files, as bundles, against what its code made of the same weights.</summary>
[Trait("Category", "Golden")]
public sealed class KarloTests : IDisposable
{
    private readonly KarloBundle _bundle = new(GoldenFolder.Of("karlo"));

    public void Dispose() => _bundle.Dispose();

    [Fact]
    public void The_prior_gives_the_reference_predictions_and_states()
    {
        _bundle.AddText();
        _bundle.Add("x", "prior/x");
        _bundle.Add("t", "prior/t");
        Near.Values(_bundle.Floats("prior/forward"), _bundle.PredictPrior(), "predictions");

        var states = States("prior", name => name switch
        {
            "t_emb" => ("time_embed/", "Concat"),
            "inter_final_ln" => ("final_ln/", "LayerNormalization"),
            _ => ($"layer_{name["inter_block".Length..]}/mlp/", "Add"),
        });
        foreach (var (name, actual) in _bundle.RunFor(_bundle.Unclip.Prior!.File, states))
        {
            // The graph of a step has the last places of a row only.
            var expected = _bundle.Read($"prior/{name}");
            var row = expected.Floats().Length / expected.Shape[0];
            var length = actual.Length / expected.Shape[0];
            Near.Values([.. expected.Floats().Chunk(row).SelectMany(places => places[^length..])], actual, name);
        }
    }

    [Fact]
    public void The_decoder_gives_the_reference_predictions_and_states()
    {
        _bundle.AddText();
        _bundle.Add("x", "decoder/x");
        _bundle.Add("t", "decoder/t");
        _bundle.Add("embedding", "decoder/y");
        Near.Values(_bundle.Floats("decoder/forward"), _bundle.PredictStage(0), "predictions");

        var states = States("decoder", name => name switch
        {
            "inter_mid" => ("middle_block.", "Add"),
            _ when name.StartsWith("inter_in", StringComparison.Ordinal) => ($"input_blocks.{name["inter_in".Length..]}.", "Add|Conv"),
            _ => ($"output_blocks.{name["inter_out".Length..]}.", "Add"),
        });
        foreach (var (name, actual) in _bundle.RunFor(_bundle.Unclip.Stages[0].File, states))
        {
            var expected = _bundle.Floats($"decoder/{name}");
            Near.Values(expected, actual.AsSpan(0, expected.Length), name);
        }
    }

    [Fact]
    public void Both_networks_of_super_resolution_give_the_reference_predictions()
    {
        _bundle.Add("x", "sr/x");
        _bundle.Add("low_res", "sr/low_res");
        // The folder does not say so, but the timestep is the first of those of the decoder.
        _bundle.Add("t", _bundle.Read("decoder/t").Longs()[..1], 1);
        Near.Values(_bundle.Floats("sr/forward_first"), _bundle.PredictStage(1), "the first steps");
        Near.Values(_bundle.Floats("sr/forward_last"), _bundle.Predict(null, _bundle.Unclip.Stages[1].Last!.File), "the last step");
    }

    [Fact]
    public void Graphs_of_16_bits_stay_near_the_reference()
    {
        using var bundle = new KarloBundle(_bundle.Root) { Precision = Precision.Fp16 };
        bundle.AddText();
        bundle.Add("x", "prior/x");
        bundle.Add("t", "prior/t");
        AssertNear("prior/forward", bundle.PredictPrior());
        bundle.Add("x", "decoder/x");
        bundle.Add("embedding", "decoder/y");
        AssertNear("decoder/forward", bundle.PredictStage(0));
        bundle.Add("x", "sr/x");
        bundle.Add("low_res", "sr/low_res");
        bundle.Add("t", bundle.Read("decoder/t").Longs()[..1], 1);
        AssertNear("sr/forward_first", bundle.PredictStage(1));

        void AssertNear(string name, float[] actual)
        {
            // A few units in the last of the eleven digits.
            const float Tolerance = 5e-3f;
            var expected = _bundle.Floats(name);
            Assert.True(expected.Zip(actual, (a, b) => MathF.Abs(a - b)).Max() <= Tolerance * expected.Max(MathF.Abs), name);
        }
    }

    [Theory]
    [InlineData("prior")]
    [InlineData("decoder")]
    public void Steps_of_the_pipeline_give_the_reference_predictions(string network)
    {
        _bundle.AddText("pipeline/txt_feat", "pipeline/txt_feat_seq", "pipeline/mask");
        var (x, raw, t) = (_bundle.Read($"pipeline/{network}/x"), _bundle.Read($"pipeline/{network}/raw"), _bundle.Read($"pipeline/{network}/t_model").Longs());
        var rows = raw.Shape[1];
        var embeddings = _bundle.Floats("pipeline/prior/image_feat");
        _bundle.Add("embedding", [.. embeddings, .. embeddings], rows, embeddings.Length * 2 / rows);
        _bundle.Add("conditional", [.. Enumerable.Range(0, rows).Select(row => row < rows / 2)], rows);
        long[] shape = [rows, .. x.Shape[2..].Select(size => (long)size)];
        var (before, after) = (x.Floats().Chunk(x.Floats().Length / t.Length), raw.Floats().Chunk(raw.Floats().Length / t.Length));
        foreach (var (step, (input, expected)) in before.Zip(after).Index())
        {
            _bundle.Add("x", [.. input, .. input], shape);
            _bundle.Add("t", [.. Enumerable.Repeat(t[step], rows)], rows);
            Near.Values(expected, network == "prior" ? _bundle.PredictPrior() : _bundle.PredictStage(0), $"step {step}");
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("pipeline/")]
    public void Prompts_become_the_reference_ids_and_features(string folder)
    {
        var text = _bundle.Unclip.Text!;
        var file = Path.Combine(_bundle.Root, folder.Length == 0 ? "prompt.json" : folder + "prompts.json");
        string[] prompts = folder.Length == 0 ? [JsonSerializer.Deserialize<string>(File.ReadAllText(file))!] : JsonSerializer.Deserialize<string[]>(File.ReadAllText(file))!;
        var tokenizer = new PromptTokenizer(_bundle.Bundle, text.Format);
        Assert.Equal(_bundle.Read(folder + "tokens").Longs(), prompts.SelectMany(tokenizer.Encode).Concat(prompts.SelectMany(tokenizer.Unconditional)));
        _bundle.Add("ids", folder + "tokens");
        _bundle.Run(text.File);
        Near.Values(_bundle.Floats(folder + "txt_feat"), _bundle.Values<float>("pooled"), "embedding");
        Near.Values(_bundle.Floats(folder + "txt_feat_seq"), _bundle.Values<float>("sequence"), "hidden states");
        Assert.Equal(Array.ConvertAll(_bundle.Read(folder + "mask").Data, value => value != 0), _bundle.Values<bool>("mask"));
    }

    [Fact]
    public void Texts_become_the_reference_ids_and_masks()
    {
        var text = _bundle.Unclip.Text!;
        var tokenizer = new PromptTokenizer(_bundle.Bundle, text.Format);
        using var cases = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_bundle.Root, "tokens_cases.json")));
        foreach (var item in cases.RootElement.EnumerateArray())
        {
            var prompt = item.GetProperty("text").GetString()!;
            var ids = tokenizer.Encode(prompt);
            Assert.Equal(item.GetProperty("ids").EnumerateArray().Select(id => id.GetInt64()), ids);
            _bundle.Add("ids", ids, 1, ids.Length);
            _bundle.Run(text.File);
            Assert.Equal(item.GetProperty("mask").EnumerateArray().Select(seen => seen.GetInt32() != 0), _bundle.Values<bool>("mask"));
        }
    }

    [Fact]
    public void Texts_of_a_difference_become_the_reference_embeddings()
    {
        var texts = JsonSerializer.Deserialize<Dictionary<string, string>>(File.ReadAllText(Path.Combine(_bundle.Root, "textdiff", "prompts.json")))!;
        using var generator = new UnclipGenerator(_bundle.Bundle, DalleDevice.Cpu, new PhiloxNoise());
        Near.Values(_bundle.Floats("textdiff/txt_feat"), [.. generator.EmbedText(texts["from"]), .. generator.EmbedText(texts["to"])], "embeddings");
    }

    [Theory]
    [InlineData("squash", "resized_u8", "image_feat")]
    [InlineData("crop", "diffusers_crop_u8", "image_feat_crop")]
    public void Pictures_become_the_reference_pixels_and_embeddings(string fit, string pixels, string embedding)
    {
        var (bytes, resized) = (_bundle.Read("variations/input"), _bundle.Read("variations/" + pixels));
        using var file = MLImage.CreateFromFile(Path.Combine(_bundle.Root, "variations", "input.png"));
        Assert.Equal((bytes.Shape[1], bytes.Shape[0]), (file.Width, file.Height));
        Assert.Equal(Planes(bytes), file.Planes());

        var image = ImageTensor.From(file);
        var (width, height) = (resized.Shape[1], resized.Shape[0]);
        var fitted = fit == "squash" ? Resampler.Squash(image, width, height, ResampleFilter.Bicubic) : Resampler.ResizeAndCenterCrop(image, width, height, ResampleFilter.Bicubic);
        Assert.Equal(Planes(resized), fitted.Values);

        var tower = _bundle.Unclip.Image!;
        var manifest = Path.Combine(_bundle.Bundle.Folder, Bundle.ManifestName);
        var json = JsonNode.Parse(File.ReadAllText(manifest))!;
        json["unclip"]!["image"]!["fit"] = fit;
        File.WriteAllText(manifest, json.ToJsonString());
        using var generator = new UnclipGenerator(Bundle.Open(_bundle.Bundle.Folder), DalleDevice.Cpu, new PhiloxNoise());
        Near.Values(_bundle.Floats("variations/" + embedding), generator.EmbedImage(image), "embedding");
        _bundle.Add("pixels", Planes(resized), 1, 3, height, width);
        _bundle.Run(tower.File);
        Assert.Equal(1, _bundle.Values<float>("embedding").Sum(value => value * value), tolerance: 1e-4f);

        static float[] Planes(Npy image) => [.. Enumerable.Range(0, 3).SelectMany(color => image.Data.Chunk(3).Select(pixel => pixel[color] / 255f))];
    }

    [Fact]
    public void Published_geometries_are_read_from_shapes()
    {
        using Checkpoint prior = Shapes("fullsize_prior.json"), decoder = Shapes("fullsize_decoder.json"), upsamplers = Shapes("fullsize_sr.json");
        var model = KarloSizes.All["karlo"];
        Assert.Equal(model.Prior, KarloPrior.Infer(prior.Subtree("model."), heads: null));
        Assert.Equivalent(model.Decoder, KarloUnet.Infer(decoder.Subtree("model."), headSize: 64), strict: true);
        Assert.Equivalent(model.Upsampler, KarloUnet.Infer(upsamplers.Subtree("model_first_steps."), headSize: 64), strict: true);
        Assert.Equivalent(model.Upsampler, KarloUnet.Infer(upsamplers.Subtree("model_last_step."), headSize: 64), strict: true);
    }

    [Fact]
    public void Published_geometries_of_diffusers_are_read_from_shapes()
    {
        using Checkpoint prior = Shapes("fullsize_diffusers_prior.json"), decoder = Shapes("fullsize_diffusers_decoder.json"), conditions = Shapes("fullsize_diffusers_text_proj.json");
        using var upsampler = Shapes("fullsize_diffusers_super_res_first.json");
        var model = KarloSizes.All["karlo"];
        Assert.Equal(model.Prior, KarloPrior.Infer(KarloDiffusersNames.Prior(prior, heads: null), heads: null));
        Assert.Equivalent(model.Decoder, KarloUnet.Infer(KarloDiffusersNames.Unet(decoder, 64, conditions), headSize: 64), strict: true);
        Assert.Equivalent(model.Upsampler, KarloUnet.Infer(KarloDiffusersNames.Unet(upsampler, 64), headSize: 64), strict: true);
    }

    [Fact]
    public void A_prior_without_its_statistics_is_refused_with_what_is_missing() => AssertMissing("clip_stats.th", "ViT-L-14_stats.th");

    [Fact]
    public void Networks_without_their_CLIP_are_refused_with_what_is_missing() => AssertMissing("clip_state_dict.pt", "ViT-L-14.pt");

    [Fact]
    public void A_decoder_alone_becomes_a_bundle_of_one_stage()
    {
        using var folder = new TemporaryFolder();
        BundleExporter.Export("karlo", [.. _bundle.Files.Where(file => Path.GetFileName(file) is not ("prior.ckpt" or "sr.ckpt"))], Path.Combine(folder.Path, "bundle"));
        var unclip = Bundle.Open(Path.Combine(folder.Path, "bundle")).Manifest.Unclip!;
        Assert.Null(unclip.Prior);
        Assert.Single(unclip.Stages);
    }

    private void AssertMissing(string left, string named)
    {
        using var folder = new TemporaryFolder();
        string[] files = [.. _bundle.Files.Where(file => Path.GetFileName(file) != left)];
        var error = Assert.Throws<FileNotFoundException>(() => BundleExporter.Export("karlo", files, Path.Combine(folder.Path, "bundle")));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    private Dictionary<string, (string Start, string Op)> States(string folder, Func<string, (string Start, string Op)> place)
    {
        var names = Directory.EnumerateFiles(Path.Combine(_bundle.Root, folder), "*.npy").Select(file => Path.GetFileNameWithoutExtension(file));
        return names.Where(name => name.StartsWith("inter_", StringComparison.Ordinal) || name == "t_emb").ToDictionary(name => name, place);
    }

    private ShapesCheckpoint Shapes(string file)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_bundle.Root, file)));
        return new ShapesCheckpoint(json.RootElement.GetProperty("tensors").EnumerateArray().ToDictionary(
            tensor => tensor.GetProperty("name").GetString()!,
            tensor => tensor.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32()).ToArray()));
    }
}
