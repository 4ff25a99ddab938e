using System.Text.Json.Nodes;
using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Families;
using Dalle.ML.Export.Tests.Checkpoints;
using Dalle.ML.Tests;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Export.Tests.Families;

public sealed class Dalle2PytorchFamilyTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_filter_that_cannot_see_zeros_beyond_the_border_is_refused()
    {
        var output = Path.Combine(_folder.Path, "bundle");
        BundleExporter.ExportRandom("dalle2-pytorch", "tiny", output);
        var path = Path.Combine(output, "dalle.json");
        var manifest = JsonNode.Parse(File.ReadAllText(path))!;
        manifest["unclip"]!["image"]!["resample"] = "lanczos";
        File.WriteAllText(path, manifest.ToJsonString());
        var error = Assert.Throws<DalleBundleException>(() => Bundle.Open(output));
        Assert.Contains("'unclip.image.resample' must be 'bicubic'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Precision.Fp32)]
    [InlineData(Precision.Fp16)]
    public void Random_weights_make_a_bundle_whose_graphs_run(Precision precision)
    {
        var output = Path.Combine(_folder.Path, "bundle");
        BundleExporter.ExportRandom("dalle2-pytorch", "tiny", output, new ExportOptions { Precision = precision });
        var bundle = Bundle.Open(output);
        var unclip = bundle.Manifest.Unclip!;
        var (rows, d, length) = (2, unclip.EmbeddingDimension, unclip.Text!.Format.Length);
        var known = new Dictionary<string, OrtValue>();
        void Add<T>(string name, T[] values, params long[] shape)
            where T : unmanaged => known[name] = OrtValue.CreateTensorValueFromMemory(values, shape);
        float[] Wave(int count) => [.. Enumerable.Range(0, count).Select(i => MathF.Sin(i))];
        void Run(string? file)
        {
            if (file is null)
                return;
            using var session = new InferenceSession(bundle.PathOf(file));
            using var options = new RunOptions();
            string[] names = [.. session.InputMetadata.Keys];
            foreach (var (name, value) in session.OutputNames.Zip(session.Run(options, names, [.. names.Select(name => known[name])], session.OutputNames)))
                known[name] = value;
        }
        Add("ids", new long[rows * length], rows, length);
        Add("conditional", [true, false], rows);
        Add("t", [3L, 999L], rows);
        Add("low_res_level", [200L, 200L], rows);
        Run(unclip.Text.File);
        Add("x", Wave(rows * d), rows, d);
        Run(unclip.Prior!.Condition);
        Run(unclip.Prior.File);
        Assert.All(known["prediction"].GetTensorDataAsSpan<float>().ToArray(), value => Assert.True(float.IsFinite(value)));
        Add("embedding", Wave(rows * d), rows, d);
        foreach (var stage in unclip.Stages)
        {
            Add("x", Wave(rows * 3 * stage.Size * stage.Size), rows, 3, stage.Size, stage.Size);
            Add("low_res", Wave(rows * 3 * stage.Size * stage.Size), rows, 3, stage.Size, stage.Size);
            Run(stage.Condition);
            Run(stage.File);
            Assert.All(known["prediction"].GetTensorDataAsSpan<float>().ToArray(), value => Assert.True(float.IsFinite(value)));
        }
    }

    [Theory]
    [InlineData(Precision.Fp32)]
    [InlineData(Precision.Fp16)]
    public void Random_weights_heed_prompts_and_image_embeddings(Precision precision)
    {
        var output = Path.Combine(_folder.Path, "bundle");
        BundleExporter.ExportRandom("dalle2-pytorch", "tiny", output, new ExportOptions { Precision = precision });
        using var model = DalleModel.Load(output);
        using GeneratedImage cat = model.Generate("a tiny cat", seed: 1), dogs = model.Generate("two large dogs", seed: 1);
        AssertDiffer(cat, dogs);
        var embedding = model.GenerateImageEmbedding("a tiny cat", seed: 1);
        Assert.NotEqual(embedding, model.GenerateImageEmbedding("two large dogs", seed: 1));
        using GeneratedImage first = model.DecodeImageEmbedding(embedding, seed: 1), second = model.DecodeImageEmbedding(Array.ConvertAll(embedding, value => -value), seed: 1);
        AssertDiffer(first, second);
        // One that shows something, and not white and black alone.
        Assert.True(cat.Image.Pixels.ToArray().Distinct().Count() > 64);

        // In more than a few pixels, and by more than rounding.
        static void AssertDiffer(GeneratedImage one, GeneratedImage other)
        {
            var (first, second) = (one.Image.Pixels.ToArray(), other.Image.Pixels.ToArray());
            var share = first.Zip(second, (a, b) => Math.Abs(a - b)).Count(difference => difference > 4) / (double)first.Length;
            Assert.True(share > 0.05, $"The images differ in {share:P1} of their values.");
        }
    }

    [Theory]
    [InlineData("0.16.3")]
    [InlineData("0.23.0")]
    [InlineData("1.4.3")]
    [InlineData("1.9.1")]
    public void A_version_between_generations_is_refused_with_the_way_out(string version)
    {
        var error = Assert.Throws<InvalidDataException>(() => Dalle2Generation.CheckVersion(version));
        Assert.Contains("generation", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0.10.8")]
    [InlineData("0.23.1")]
    [InlineData("1.4.2")]
    [InlineData("1.10.0")]
    [InlineData("1.15.6")]
    public void A_version_of_a_generation_is_taken(string version) => Dalle2Generation.CheckVersion(version);

    [Theory]
    [InlineData("mid_block1.cross_attn.fn.norm.gamma", "ups.0.3.weight", "0.15.4")]
    [InlineData("mid_block1.cross_attn.fn.norm.g", "ups.0.3.net.0.weight", "1.0.2")]
    [InlineData("mid_block1.cross_attn.norm.g", "downs.0.4.1.weight", "1.15.6")]
    [InlineData("mid_block1.cross_attn.fn.norm.g", "ups.0.3.weight", null)]
    [InlineData("mid_block1.cross_attn.fn.norm.g", "downs.0.4.1.weight", null)]
    [InlineData("mid_block1.cross_attn.norm.g", "downs.0.4.weight", null)]
    public void The_generation_of_a_UNet_is_told_from_its_keys(string norm, string resampling, string? expected) =>
        AssertGeneration(expected, Dalle2Generation.OfUnet, norm, resampling);

    [Theory]
    [InlineData("causal_transformer.layers.0.0.norm.gamma", "learned_query", "0.15.4")]
    [InlineData("causal_transformer.layers.0.0.norm.g", "null_text_embed", "1.0.2")]
    [InlineData("causal_transformer.layers.0.0.norm.g", "null_text_encodings", "1.15.6")]
    [InlineData("causal_transformer.layers.0.0.norm.g", "learned_query", null)]
    public void The_generation_of_a_prior_is_told_from_its_keys(string norm, string padding, string? expected) =>
        AssertGeneration(expected, Dalle2Generation.OfPrior, norm, padding);

    [Theory]
    [InlineData("0.15.4", 0.9f)]
    [InlineData("1.0.2", 0.95f)]
    [InlineData("1.15.6", 0.95f)]
    public void Thresholds_that_no_configuration_names_are_those_of_the_version(string version, float part)
    {
        var settings = Dalle2Configuration.Of(new Dictionary<string, object?> { ["use_dynamic_thres"] = true }, "decoder");
        var rules = Dalle2Diffusion.Stage(settings, Dalle2Sizes.All["tiny"].Unets[0] with { Generation = Generation(version) }, stage: 0, isLast: false);
        Assert.Equal(new Clamp { Kind = ClampKind.Quantile, Value = part }, rules.Clamp);
    }

    [Theory]
    [InlineData("0.15.4", true)]
    [InlineData("1.0.2", false)]
    [InlineData("1.15.6", true)]
    public void A_prior_heeds_guidance_unless_its_version_never_hides_the_text(string version, bool heeds) =>
        Assert.Equal(heeds, (Dalle2Sizes.All["tiny"].Prior with { Generation = Generation(version) }).HeedsGuidance);

    [Theory]
    [InlineData("0.15.4", "paddedBicubic")]
    [InlineData("1.0.2", "nearest")]
    [InlineData("1.15.6", "nearest")]
    public void Later_stages_are_given_images_enlarged_as_by_the_version(string version, string expected)
    {
        var sizes = Dalle2Sizes.All["tiny"];
        using var source = new ExportSource([], "tiny", new ExportOptions());
        using var weights = new RandomCheckpoint(1);
        var unet = sizes.Unets[1] with { Generation = Generation(version) };
        var stage = Dalle2Graphs.Stage(source, new BundleWriter(_folder.Path), unet, weights, sizes.Settings, stage: 1, count: 2, sizes.Clip.Text.Length);
        Assert.Equal(expected, stage.LowResolution!.Resample.ToString(), ignoreCase: true);
    }

    [Theory]
    [InlineData("1.0.2", true)]
    [InlineData("1.15.6", false)]
    public void A_prior_without_a_table_of_timesteps_cuts_their_waves_in_one_version(string version, bool cuts)
    {
        var sizes = Dalle2Sizes.All["tiny"];
        using var weights = new RandomCheckpoint(1, deviation: null);
        var prior = sizes.Prior with { Generation = Generation(version), Timesteps = null };
        var (_, step) = prior.Write(new BundleWriter(_folder.Path), weights, sizes.Clip.Text.Length, Precision.Fp32);
        using var session = new InferenceSession(Path.Combine(_folder.Path, step));
        using var options = new RunOptions();
        // All waves of both are below 1.
        Assert.Equal(cuts, Predict(500).SequenceEqual(Predict(501)));
        Assert.False(Predict(0).SequenceEqual(Predict(501)));

        float[] Predict(long t)
        {
            string[] names = [.. session.InputMetadata.Keys];
            using var outputs = session.Run(options, names, [.. names.Select(name => Input(name, t))], ["prediction"]);
            return outputs[0].GetTensorDataAsSpan<float>().ToArray();
        }

        OrtValue Input(string name, long t)
        {
            long[] shape = [.. session.InputMetadata[name].Dimensions.Select(size => size < 0 ? 1L : size)];
            return name switch
            {
                "t" => OrtValue.CreateTensorValueFromMemory([t], shape),
                "conditional" => OrtValue.CreateTensorValueFromMemory([true], shape),
                _ => OrtValue.CreateTensorValueFromMemory(Enumerable.Range(0, (int)shape.Aggregate((a, b) => a * b)).Select(i => MathF.Sin(i)).ToArray(), shape),
            };
        }
    }

    private static Dalle2Generation Generation(string version) => Dalle2Generation.All.Single(generation => generation.Name == version);

    private static void AssertGeneration(string? expected, Func<Checkpoint, Dalle2Generation> generation, params string[] names)
    {
        using var weights = new ShapesCheckpoint(names.ToDictionary(name => name, _ => new[] { 1 }));
        if (expected is not null)
            Assert.Equal(expected, generation(weights).Name);
        else
            Assert.Contains("'generation'", Assert.Throws<InvalidDataException>(() => generation(weights)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Fewer_bits_than_sixteen_are_refused() => Assert.Throws<ArgumentException>(
        () => BundleExporter.ExportRandom("dalle2-pytorch", "tiny", Path.Combine(_folder.Path, "bundle"), new ExportOptions { Precision = Precision.Int8 }));
}
