using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Generation.Diffusion;
using Dalle.ML.Images;
using Dalle.ML.Tests;
using Dalle.ML.Text;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>Whole bundles of DALLE2-pytorch's files, however they are given, and the texts and images that their CLIP embeds.</summary>
[Trait("Category", "Golden")]
public sealed class Dalle2PytorchBundleTests : IDisposable
{
    private const string Vocabulary = "bpe_tiny.txt.gz";
    private const string Clip = "clip/clip_state_dict.pt";

    private readonly TemporaryFolder _folder = new();

    private static string Root => GoldenFolder.Of("dalle2-pytorch");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(true, "decoder/decoder_config.json", "prior/prior_trainer.pth", "prior/prior_config.json", "decoder/decoder_model.pth", "decoder/decoder_config.json", Vocabulary)]
    [InlineData(true, "decoder/decoder_config.json", "prior/prior_model.pth", "decoder/decoder_model.pth", Clip, Vocabulary)]
    [InlineData(true, "decoder/decoder_config.json", "dalle2/dalle2.pt", Clip, Vocabulary)]
    // LAION's decoder of two files: the first stage is of one, the second of the other.
    [InlineData(true, "decoder/decoder_config.json", "prior/prior_model.pth", "decoder_variants/v_eta/decoder_trainer.pth", "decoder/decoder_model.pth", Clip, Vocabulary)]
    [InlineData(true, null, "prior/prior_model.pth", Clip, Vocabulary)]
    [InlineData(true, null, "prior/prior_trainer.pth", Vocabulary)]
    [InlineData(false, "decoder/decoder_config.json", "decoder/decoder_model.pth", Clip, Vocabulary)]
    [InlineData(false, "decoder_variants/v_eta/config.json", "decoder_variants/v_eta/decoder_trainer.pth")]
    [InlineData(false, "decoder_variants/ddpm_everything/config.json", "decoder_variants/ddpm_everything/model.pth", Clip, Vocabulary)]
    [InlineData(false, "decoder_variants/xstart_unconditional/config.json", "decoder_variants/xstart_unconditional/model.pth")]
    public void Files_in_any_form_become_a_bundle_that_generates(bool hasPrior, string? decoder, params string[] files)
    {
        var bundle = Export(files);
        var unclip = bundle.Manifest.Unclip!;
        Assert.Equal((hasPrior, decoder is null ? 0 : Unets(decoder), files.Contains(Vocabulary)), (unclip.Prior is not null, unclip.Stages.Count, unclip.Text is not null));
        using var model = DalleModel.Load(bundle.Folder);
        var embedding = hasPrior ? model.GenerateImageEmbedding("a red cube", seed: 1) : new float[unclip.EmbeddingDimension];
        Assert.Equal(unclip.EmbeddingDimension, embedding.Length);
        if (unclip.Stages.Count == 0)
            return;
        using var image = model.DecodeImageEmbedding(embedding, seed: 1);
        Assert.Equal(unclip.Stages[^1].Size, image.Image.Width);
        Assert.True(image.Image.Pixels.ToArray().Distinct().Count() > 16);
    }

    [Fact]
    public void The_configuration_of_a_trainer_becomes_the_rules_of_diffusion()
    {
        var decoder = Configuration("decoder/decoder_config.json").GetProperty("decoder");
        var unclip = Export("dalle2/dalle2.pt", Clip, Vocabulary).Manifest.Unclip!;
        var steps = decoder.GetProperty("sample_timesteps").EnumerateArray().Select(step => step.GetInt32());
        Assert.Equal(steps, unclip.Stages.Select(stage => stage.Diffusion.Steps));
        Assert.Equal(decoder.GetProperty("image_sizes").EnumerateArray().Select(size => size.GetInt32()), unclip.Stages.Select(stage => stage.Size));
        Assert.All(unclip.Stages, stage => Assert.Equal(DiffusionSampler.Ddim, stage.Diffusion.Sampler));
        Assert.Equal((Prediction.Clean, DdimTimes.ToClean, 1f), (unclip.Prior!.Diffusion.Prediction, unclip.Prior.Diffusion.Ddim.Times, unclip.Prior.Diffusion.Ddim.Eta));
        // Either for all later stages or for each of them.
        var noise = decoder.GetProperty("use_noise_for_lowres_cond");
        bool[] noised = [.. unclip.Stages.Skip(1).Select((_, i) => noise.ValueKind == JsonValueKind.Array ? noise[i].GetBoolean() : noise.GetBoolean())];
        Assert.Equal(noised, unclip.Stages.Skip(1).Select(stage => stage.LowResolution!.Noise is not null));
    }

    [Fact]
    public void A_second_decoder_gives_the_later_stages_alone()
    {
        // LAION's decoder has one UNet; its upsampler's file has two, the first of which was not trained.
        var first = Export("decoder_variants/v_eta/decoder_trainer.pth").Manifest.Unclip!.Stages[0];
        var whole = Export("decoder/decoder_model.pth", Clip, Vocabulary).Manifest.Unclip!.Stages;
        var both = Export("decoder/decoder_model.pth", "decoder_variants/v_eta/decoder_trainer.pth", Clip, Vocabulary).Manifest.Unclip!.Stages;
        Assert.Equal([first.Diffusion, .. whole.Skip(1).Select(stage => stage.Diffusion)], both.Select(stage => stage.Diffusion));
        Assert.NotEqual(whole[0].Diffusion, both[0].Diffusion);
        Assert.All(both.Skip(1), stage => Assert.NotNull(stage.LowResolution));
    }

    [Fact]
    public void Parts_of_different_models_are_refused_before_anything_is_written()
    {
        var error = Assert.Throws<InvalidDataException>(() => Export("v0.15.4/decoder/model.pth", Clip, Vocabulary));
        Assert.Contains("CLIP", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tokens", "", true)]
    [InlineData("tokens_own", "_own", false)]
    [InlineData("tokens_bang", "_bang", true)]
    public void Ids_become_the_reference_embedding_and_hidden_states(string ids, string suffix, bool hasEnds)
    {
        var bundle = Export(["prior/prior_model.pth", "decoder/decoder_model.pth", Clip, Vocabulary], new ExportOptions { Settings = new Dictionary<string, string> { ["start-and-end"] = hasEnds ? "1" : "0" } });
        var text = bundle.Manifest.Unclip!.Text!;
        var reference = Npy.Read(Path.Combine(Root, "clip", ids + ".npy"));
        long[] rows = [.. reference.Longs().Chunk(reference.Shape[1]).SelectMany(row => row.Take(text.Format.Length))];
        if (suffix != "_bang")
        {
            var prompts = JsonSerializer.Deserialize<string[]>(File.ReadAllBytes(Path.Combine(Root, "prompts.json")))!;
            Assert.Equal(rows, prompts.SelectMany(new PromptTokenizer(bundle, text.Format).Encode));
        }
        using var session = new InferenceSession(bundle.PathOf(text.File));
        using var options = new RunOptions();
        using var input = OrtValue.CreateTensorValueFromMemory(rows, [reference.Shape[0], text.Format.Length]);
        using var outputs = session.Run(options, ["ids"], [input], ["pooled", "sequence", "mask"]);
        Near.Values(Read($"clip/text_embed{suffix}"), outputs[0].GetTensorDataAsSpan<float>(), "embedding");
        var mask = outputs[2].GetTensorDataAsSpan<bool>().ToArray();
        var width = Npy.Read(Path.Combine(Root, "clip", $"text_encodings{suffix}.npy")).Shape[2];
        float[] seen = [.. outputs[1].GetTensorDataAsSpan<float>().ToArray().Select((value, i) => mask[i / width] ? value : 0)];
        Near.Values(Read($"clip/text_encodings{suffix}"), seen, "hidden states");
    }

    [Fact]
    public void Images_become_the_reference_embeddings()
    {
        var bundle = Export("prior/prior_model.pth", "decoder/decoder_model.pth", Clip, Vocabulary);
        var (images, resized) = (Npy.Read(Path.Combine(Root, "clip", "image.npy")), Npy.Read(Path.Combine(Root, "clip", "image_resized.npy")));
        var rows = images.Floats().Chunk(images.Floats().Length / images.Shape[0]).Select(values => new ImageTensor(images.Shape[3], images.Shape[2], values)).ToArray();
        var sizes = rows.SelectMany(image => FloatResampler.CropPadded(image, resized.Shape[3], resized.Shape[2]).Values);
        Near.Values(resized.Floats(), [.. sizes], "resized images");
        using var generator = new UnclipGenerator(bundle, DalleDevice.Cpu, new PhiloxNoise());
        Near.Values(Read("clip/image_embed"), [.. rows.SelectMany(generator.EmbedImage)], "image embeddings");
    }

    [Fact]
    public void A_decoder_without_its_configuration_is_refused_with_what_is_missing()
    {
        var copy = Path.Combine(_folder.Path, "alone.pth");
        File.Copy(Path.Combine(Root, "decoder_variants/xstart_unconditional/model.pth"), copy);
        var error = Assert.Throws<InvalidDataException>(() => BundleExporter.Export("dalle2-pytorch", [copy], Path.Combine(_folder.Path, "bundle")));
        Assert.Contains("image_sizes", error.Message, StringComparison.Ordinal);
    }

    private static int Unets(string configuration) =>
        Configuration(configuration) is var all && all.TryGetProperty("unets", out var unets) ? unets.GetArrayLength() : all.GetProperty("decoder").GetProperty("unets").GetArrayLength();

    private static float[] Read(string name) => Npy.Read(Path.Combine(Root, name + ".npy")).Floats();

    private static JsonElement Configuration(string name) => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Root, name))).RootElement;

    private Bundle Export(params string[] files) => Export(files, new ExportOptions());

    private Bundle Export(string[] files, ExportOptions options)
    {
        var output = Path.Combine(_folder.Path, "bundle");
        BundleExporter.Export("dalle2-pytorch", [.. files.Select(file => Path.Combine(Root, file))], output, options);
        return Bundle.Open(output);
    }
}
