using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Generation.Diffusion;
using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>From prompts to pixels against lucidrains/DALLE2-pytorch, with its recorded gaussians in the place of ours.</summary>
[Trait("Category", "Golden")]
public sealed class Dalle2PytorchChainTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Prompts_become_the_reference_images()
    {
        var root = GoldenFolder.Of("dalle2-pytorch");
        var output = Path.Combine(_folder.Path, "bundle");
        BundleExporter.Export("dalle2-pytorch", [.. new[] { "dalle2/dalle2.pt", "clip/clip_state_dict.pt", "bpe_tiny.txt.gz" }.Select(file => Path.Combine(root, file))], output);
        using var call = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(root, "dalle2", "call.json")));
        UseScales(output, call.RootElement.GetProperty("prior_cond_scale").GetSingle(), call.RootElement.GetProperty("cond_scale").GetSingle());
        var prompts = JsonSerializer.Deserialize<string[]>(File.ReadAllText(Path.Combine(root, "prompts.json")))!;
        var expected = Npy.Read(Path.Combine(root, "dalle2", "image.npy")).Floats();

        using var generator = new UnclipGenerator(Bundle.Open(output), DalleDevice.Cpu, new RecordedNoise(Path.Combine(root, "dalle2"), prompts.Length));
        GenerationRequest[] requests = [.. prompts.Select((prompt, i) => new GenerationRequest(prompt, (ulong)i))];
        var images = generator.Generate(requests, 0..1, new GenerationOptions(), progress: null, CancellationToken.None).ToArray();
        var actual = images.SelectMany(image => image.Pixels.Values).ToArray();
        Near.Pixels([.. expected.Select(value => Math.Clamp(value, 0, 1))], actual, "images");
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
        var error = Assert.Throws<NotSupportedException>(() => model.Generate("a red cube", 7, options));
        Assert.Contains("'TopK'", error.Message, StringComparison.Ordinal);
        var completion = new GenerationRequest("a red cube", 7) { KnownTokens = [] };
        error = Assert.Throws<NotSupportedException>(() => model.GenerateBatch([completion]).ToArray());
        Assert.Contains("'KnownTokens'", error.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private static void UseScales(string bundle, float prior, float stages)
    {
        var path = Path.Combine(bundle, Bundle.ManifestName);
        var manifest = Manifest.Parse(File.ReadAllBytes(path));
        var unclip = manifest.Unclip!;
        unclip.Prior!.Diffusion.Guidance = prior;
        foreach (var stage in unclip.Stages)
            stage.Diffusion.Guidance = stages;
        File.WriteAllBytes(path, manifest.ToJson());
    }

    /// <summary>The recorded noise: of the prior two candidates to a prompt, in the order of the calls; the seed is the number of the prompt.</summary>
    private sealed class RecordedNoise(string folder, int prompts) : INoiseSource
    {
        public void Fill(ulong seed, NoiseKey noise, Span<float> values)
        {
            var recorded = Npy.Read(Path.Combine(folder, $"noise{noise.Stage}.npy"));
            var rows = recorded.Shape[1];
            var row = (int)seed * (rows / prompts) + noise.Pass;
            // A stage with an image before it noises that first.
            var leading = noise.Stage > 1 ? 1 : 0;
            var place = noise.Use switch { NoiseUse.LowResolution => 0, NoiseUse.Initial => leading, _ => leading + 1 + noise.Step };
            recorded.Floats().AsSpan((place * rows + row) * values.Length, values.Length).CopyTo(values);
        }
    }
}
