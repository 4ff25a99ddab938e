using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Clip;
using Dalle.ML.Generation.Diffusion;
using Dalle.ML.Images;
using Dalle.ML.Runtime;
using Dalle.ML.Text;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>
/// The DALL·E 2 of the recipe against PyTorch (<c>onnx/training/export_unclip.py</c>): ids, then what the towers say, then a step of each
/// network at four timesteps, then whole chains from the same noise, so that the first failure says where an error is.
/// </summary>
[Trait("Category", "Golden")]
[Collection(SharedTrainingRecipe.Name)]
public sealed class UnclipRecipeTests : IDisposable
{
    private readonly string _golden;
    private readonly Bundle _bundle;
    private readonly NamedTensors _tensors = new();
    private readonly NetworkCache _cache;
    private readonly string[] _prompts;

    public UnclipRecipeTests(TrainingRecipe recipe)
    {
        (_golden, _bundle) = (recipe.UnclipReference, Bundle.Open(recipe.UnclipBundle));
        _cache = new NetworkCache(_bundle, DalleDevice.Cpu, long.MaxValue);
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_golden, "golden.json")));
        _prompts = [.. json.RootElement.GetProperty("prompts").EnumerateArray().Select(prompt => prompt.GetString()!)];
    }

    private UnclipGraphs Unclip => _bundle.Manifest.Unclip!;

    public void Dispose()
    {
        _tensors.Dispose();
        _cache.Dispose();
    }

    [Fact]
    public void Prompts_become_the_reference_ids_and_features()
    {
        var tokenizer = new PromptTokenizer(_bundle, Unclip.Text!.Format);
        long[] ids = [.. _prompts.SelectMany(tokenizer.Encode)];
        Assert.Equal(Read("text_ids").Longs(), ids);
        long[] all = [.. ids, .. _prompts.SelectMany(tokenizer.Unconditional)];
        _tensors.Add("ids", all, 2 * _prompts.Length, Unclip.Text.Format.Length);
        Run(Unclip.Text.File);
        Near.Values(Floats("pooled"), _tensors.Values<float>("pooled"), "embeddings of texts");
        Near.Values(Floats("states"), _tensors.Values<float>("sequence"), "states of texts");
    }

    [Fact]
    public void Images_become_the_reference_embeddings()
    {
        Add("pixels", "image_pixels");
        Run(Unclip.Image!.File);
        Near.Values(Floats("image_embedding"), _tensors.Values<float>("features"), "embeddings of images");
        using var clip = new ClipModel(_bundle, _bundle.Manifest.Clip!, DalleDevice.Cpu);
        var side = Unclip.Image.Size;
        var images = Floats("image_pixels").Chunk(3 * side * side).SelectMany(pixels => clip.EmbedImage(new ImageTensor(side, side, pixels)));
        Near.Values(Floats("image_embedding"), images.ToArray(), "embeddings of the ranker");
    }

    [Theory]
    [InlineData("prior", 0)]
    [InlineData("decoder", 1)]
    [InlineData("upsampler", 2)]
    public void A_step_gives_the_reference_prediction(string name, int network)
    {
        var rows = _prompts.Length;
        Add("x", $"noise_{name}");
        Add("embedding", "embedding");
        Add("low_res", "low");
        _tensors.Add("t", Read("step_t").Longs(), rows);
        _tensors.Add("conditional", Array.ConvertAll(Read("step_conditional").Data, value => value != 0), rows);
        _tensors.Add("pooled", Floats("pooled")[..(rows * Unclip.EmbeddingDimension)], rows, Unclip.EmbeddingDimension);
        var (states, length) = (Read("states"), Unclip.Text!.Format.Length);
        _tensors.Add("sequence", states.Floats()[..(rows * length * states.Shape[2])], rows, length, states.Shape[2]);
        _tensors.Add("mask", [.. Enumerable.Repeat(true, rows * length)], rows, length);
        var (condition, step) = network == 0 ? (Unclip.Prior!.Condition, Unclip.Prior.File) : (Unclip.Stages[network - 1].Condition, Unclip.Stages[network - 1].File);
        if (condition is not null)
            Run(condition);
        Run(step);
        Near.Values(Floats($"step_{name}"), _tensors.Values<float>("prediction"), "predictions");
    }

    [Fact]
    public void Prompts_become_the_reference_images_of_every_stage()
    {
        using var generator = new UnclipGenerator(_bundle, DalleDevice.Cpu, new RecordedNoise(this));
        GenerationRequest[] requests = [.. _prompts.Select((prompt, i) => new GenerationRequest(prompt, (ulong)i))];
        var embeddings = generator.GenerateEmbeddings(requests, new GenerationOptions(), progress: null, CancellationToken.None);
        Near.Values(Floats("embedding"), embeddings.SelectMany(values => values).ToArray(), "sampled embeddings");
        var images = generator.Generate(requests, 0..1, new GenerationOptions(), progress: null, CancellationToken.None).SelectMany(group => group).OrderBy(image => image.Index).ToArray();
        Near.Pixels(Floats("image"), images.SelectMany(image => image.Decode().Values).ToArray(), "images");
    }

    [Fact]
    public void It_draws_and_varies_as_every_model_does()
    {
        using var model = DalleModel.Load(_bundle.Folder);
        using var image = model.Generate(_prompts[0], seed: 3);
        using var again = model.Generate(_prompts[0], seed: 3);
        using var variation = model.Vary(image.Image, seed: 4);
        Assert.Equal(Unclip.Stages[^1].Size, image.Image.Width);
        Assert.Equal(image.Image.ToPng(), again.Image.ToPng());
        Assert.NotEqual(image.Image.ToPng(), variation.Image.ToPng());
    }

    private Npy Read(string name) => Npy.Read(Path.Combine(_golden, name + ".npy"));

    private float[] Floats(string name) => Read(name).Floats();

    private void Add(string name, string file)
    {
        var npy = Read(file);
        _tensors.Add(name, npy.Floats(), [.. npy.Shape.Select(size => (long)size)]);
    }

    private void Run(string file)
    {
        using var network = _cache.Open(file);
        network.Session.Run(_tensors);
    }

    /// <summary>The noise of the reference; the seed is the row. Nothing else is random.</summary>
    private sealed class RecordedNoise(UnclipRecipeTests owner) : INoiseSource
    {
        private static readonly string[] Names = ["prior", "decoder", "upsampler"];

        public void Fill(ulong seed, NoiseKey noise, Span<float> values)
        {
            Assert.Equal(NoiseUse.Initial, noise.Use);
            owner.Floats($"noise_{Names[noise.Stage]}").AsSpan((int)seed * values.Length, values.Length).CopyTo(values);
        }
    }
}
