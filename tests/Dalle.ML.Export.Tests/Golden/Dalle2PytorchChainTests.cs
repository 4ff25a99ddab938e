using System.Numerics.Tensors;
using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Generation.Diffusion;
using Dalle.ML.Tests;
using Dalle.ML.Text;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>From prompts to pixels against lucidrains/DALLE2-pytorch, with its recorded gaussians in the place of ours.</summary>
[Trait("Category", "Golden")]
public sealed class Dalle2PytorchChainTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static string Root => GoldenFolder.Of("dalle2-pytorch");

    private static string[] Prompts => JsonSerializer.Deserialize<string[]>(File.ReadAllText(Path.Combine(Root, "prompts.json")))!;

    private static IReadOnlyList<GenerationRequest> Requests => [.. Prompts.Select((prompt, i) => new GenerationRequest(prompt, (ulong)i))];

    [Fact]
    public void Prompts_become_the_reference_embeddings_and_images()
    {
        using var call = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Root, "dalle2", "call.json")));
        var bundle = Export(graphs =>
        {
            graphs.Prior!.Diffusion.Guidance = call.RootElement.GetProperty("prior_cond_scale").GetSingle();
            graphs.Prior.Candidates = call.RootElement.GetProperty("prior_num_samples").GetInt32();
            foreach (var stage in graphs.Stages)
                stage.Diffusion.Guidance = call.RootElement.GetProperty("cond_scale").GetSingle();
        });
        var format = bundle.Manifest.Unclip!.Text!.Format;
        Assert.Equal(Read("dalle2/tokens").Longs(), Prompts.SelectMany(new PromptTokenizer(bundle, format).Encode));

        var noise = new RecordedNoise([.. Enumerable.Range(0, 1 + bundle.Manifest.Unclip.Stages.Count).Select(stage => Draws($"dalle2/noise{stage}"))], Prompts.Length)
        {
            Noises = [.. bundle.Manifest.Unclip.Stages.Index().Where(stage => stage.Item.LowResolution?.Noise is not null).Select(stage => stage.Index + 1)],
        };
        using var generator = new UnclipGenerator(bundle, DalleDevice.Cpu, noise);
        var embeddings = generator.GenerateEmbeddings(Requests, new GenerationOptions(), progress: null, CancellationToken.None);
        Near.Values(Read("dalle2/image_embed").Floats(), [.. embeddings.SelectMany(embedding => embedding)], "embeddings");

        var images = generator.Generate(Requests, 0..1, new GenerationOptions(), progress: null, CancellationToken.None).SelectMany(group => group).Select(made => made.Decode()).ToArray();
        Near.Pixels([.. Read("dalle2/image").Floats().Select(value => Math.Clamp(value, 0, 1))], [.. images.SelectMany(image => image.Values)], "images");
        Near.Pixels(GoldenImages.Planes(Path.Combine(Root, "dalle2", "image_u8.npy")), GoldenImages.Planes(images), "images of bytes");
    }

    [Fact]
    public void The_best_of_the_reference_candidates_is_taken()
    {
        // No file says so, but the scale is that of the other run of this prior.
        using var run = new Dalle2Chain(Path.Combine(Root, "prior", "ddim", "times.npy"));
        var options = new GenerationOptions { Diffusion = new DiffusionOptions { PriorGuidance = run.Guidance } };
        var noise = Draws("prior/sample/noise_init").Concat(Draws("prior/sample/noise_steps")).ToArray();
        var expected = Read("prior/sample/candidates");
        var count = expected.Shape[0] / Prompts.Length;
        var candidates = new float[count][][];
        for (var candidate = 0; candidate < count; candidate++)
        {
            using var one = new UnclipGenerator(Export(graphs => graphs.Prior!.Candidates = 1), DalleDevice.Cpu, new RecordedNoise([noise], Prompts.Length) { FirstPass = candidate });
            candidates[candidate] = [.. one.GenerateEmbeddings(Requests, options, progress: null, CancellationToken.None)];
        }
        Near.Values(expected.Floats(), [.. Enumerable.Range(0, Prompts.Length).SelectMany(prompt => candidates.SelectMany(made => made[prompt]))], "candidates");

        using var generator = new UnclipGenerator(Export(graphs => graphs.Prior!.Candidates = count), DalleDevice.Cpu, new RecordedNoise([noise], Prompts.Length));
        var cosines = Prompts.SelectMany((prompt, i) => candidates.Select(made => TensorPrimitives.CosineSimilarity(generator.EmbedText(prompt), made[i])));
        Near.Values(Read("prior/sample/similarity").Floats(), [.. cosines], "cosines");
        var best = generator.GenerateEmbeddings(Requests, options, progress: null, CancellationToken.None);
        Near.Values(Read("prior/sample/result").Floats(), [.. best.SelectMany(embedding => embedding)], "embeddings");
    }

    [Fact]
    public void An_image_is_the_same_alone_and_in_a_batch()
    {
        var root = GoldenFolder.Of("dalle2-pytorch");
        var output = Path.Combine(_folder.Path, "bundle");
        BundleExporter.Export("dalle2-pytorch", [.. new[] { "dalle2/dalle2.pt", "clip/clip_state_dict.pt", "bpe_tiny.txt.gz" }.Select(file => Path.Combine(root, file))], output);
        using var model = DalleModel.Load(output);
        Assert.True(model.Info.CanGenerate);
        GenerationRequest[] requests = [new("a red cube", 7), new("three green birds", 8), new("a red cube", 9)];
        var batch = model.GenerateBatch(requests).ToArray();
        for (var i = 0; i < requests.Length; i++)
        {
            using var alone = model.Generate(requests[i].Prompt, requests[i].Seed);
            Assert.Equal(alone.Image.Pixels.ToArray(), batch[i].Image.Pixels.ToArray());
        }
        Assert.NotEqual(batch[0].Image.Pixels.ToArray(), batch[2].Image.Pixels.ToArray());
        Array.ForEach(batch, image => image.Dispose());

        var options = new GenerationOptions { Sampling = new SamplingOptions { TopK = 5 } };
        var error = Assert.ThrowsAny<NotSupportedException>(() => model.Generate("a red cube", 7, options));
        Assert.Contains("'TopK'", error.Message, StringComparison.Ordinal);
        var completion = new GenerationRequest("a red cube", 7) { KnownTokens = [] };
        error = Assert.Throws<NotSupportedException>(() => model.GenerateBatch([completion]).ToArray());
        Assert.Contains("'KnownTokens'", error.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private static Npy Read(string name) => Npy.Read(Path.Combine(Root, name + ".npy"));

    /// <summary>The gaussians of a file, one draw a time; those of the first draw have no axis of draws.</summary>
    private static IEnumerable<float[]> Draws(string name)
    {
        var npy = Read(name);
        return name.EndsWith("_init", StringComparison.Ordinal) ? [npy.Floats()] : npy.Floats().Chunk(npy.Floats().Length / npy.Shape[0]);
    }

    private Bundle Export(Action<UnclipGraphs> change)
    {
        var output = Path.Combine(_folder.Path, "bundle");
        BundleExporter.Export("dalle2-pytorch", [.. new[] { "dalle2/dalle2.pt", "clip/clip_state_dict.pt", "bpe_tiny.txt.gz" }.Select(file => Path.Combine(Root, file))], output);
        var bundle = Bundle.Open(output);
        change(bundle.Manifest.Unclip!);
        return bundle;
    }

    /// <summary>The recorded noise of each network: of the prior some candidates to a prompt, in the order of the calls; the seed is the number of the prompt.</summary>
    private sealed class RecordedNoise(IReadOnlyList<IEnumerable<float[]>> networks, int prompts) : INoiseSource
    {
        /// <summary>The numbers of the networks that noise the image before them.</summary>
        public IReadOnlyCollection<int> Noises { get; init; } = [];

        /// <summary>The candidate that is the first of ours.</summary>
        public int FirstPass { get; init; }

        public void Fill(ulong seed, NoiseKey noise, Span<float> values)
        {
            // A stage may noise the image before it first.
            var leading = Noises.Contains(noise.Stage) ? 1 : 0;
            var place = noise.Use switch { NoiseUse.LowResolution => 0, NoiseUse.Initial => leading, _ => leading + 1 + noise.Step };
            var draw = networks[noise.Stage].ElementAt(place);
            var rows = draw.Length / values.Length;
            draw.AsSpan(((int)seed * (rows / prompts) + noise.Pass + FirstPass) * values.Length, values.Length).CopyTo(values);
        }
    }
}
