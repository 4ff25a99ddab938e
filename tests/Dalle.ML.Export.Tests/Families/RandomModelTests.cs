using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Runtime;
using Dalle.ML.Tests;
using Microsoft.ML.Data;

namespace Dalle.ML.Export.Tests.Families;

/// <summary>Random weights of a geometry give a bundle that does what its family does.</summary>
public sealed class RandomModelTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static IEnumerable<TheoryDataRow<string, string>> Sizes() => BundleExporter.Families
        .SelectMany(family => BundleExporter.SizesOf(family).Where(size => size.StartsWith("tiny", StringComparison.Ordinal)).Select(size => new TheoryDataRow<string, string>(family, size)));

    [Theory]
    [MemberData(nameof(Sizes))]
    public void A_tiny_random_model_works(string family, string size)
    {
        var output = Path.Combine(_folder.Path, "bundle");
        BundleExporter.ExportRandom(family, size, output);
        using var model = DalleModel.Load(output);
        // A diffusion model has neither tokens nor caches.
        if (Bundle.Open(output).Manifest.Unclip is not null)
        {
            using var first = model.Generate("a tiny cat", seed: 1);
            using var again = model.Generate("a tiny cat", seed: 1);
            Assert.Equal(model.Info.ImageWidth, first.Image.Width);
            Assert.Equal(first.Image.Pixels, again.Image.Pixels);
            return;
        }
        Assert.True(model.Info.CanGenerate || model.Info.CanEncode || model.Info.HasClip || model.Info.UpscaleFactor > 0);
        if (model.Info.CanGenerate)
        {
            using var generated = model.Generate("a tiny cat", seed: 1);
            Assert.True(generated.Tokens.Distinct().Count() > generated.Tokens.Count / 2);
            Assert.Equal(model.Info.ImageWidth, generated.Image.Width);
            Assert.All(AllocationMeter.Measure(model, new GenerationOptions { Candidates = 2 }), bytes => Assert.Equal(0, bytes));
            AssertGraphDraws(output);
        }
        using var noise = MLImage.CreateFromPixels(40, 30, MLPixelFormat.Rgba32, [.. Enumerable.Range(0, 4 * 40 * 30).Select(i => (byte)(i % 4 == 3 ? 255 : i * 37 % 251))]);
        if (model.Info.CanEncode)
        {
            using var again = model.DecodeTokens(model.EncodeImage(noise));
            Assert.Equal((model.Info.ImageWidth, model.Info.ImageHeight), (again.Width, again.Height));
        }
        if (model.Info.UpscaleFactor > 0)
        {
            using var upscaled = model.Upscale(noise);
            Assert.Equal((model.Info.UpscaleFactor * noise.Width, model.Info.UpscaleFactor * noise.Height), (upscaled.Width, upscaled.Height));
        }
        if (model.Info.HasClip)
        {
            Assert.Equal(1, model.EmbedText("a tiny cat").Sum(value => value * value), tolerance: 1e-4f);
            Assert.Equal(1, model.EmbedImage(noise).Sum(value => value * value), tolerance: 1e-4f);
        }
    }

    /// <summary>With the sampler in its graph, as on a GPU, the transformer samples the same.</summary>
    private static void AssertGraphDraws(string folder)
    {
        using SamplerHarness inGraph = new(Bundle.Open(folder), isInGraph: true), onHost = new(Bundle.Open(folder), isInGraph: false);
        foreach (var filters in new SamplingParameters[] { new(Temperature: 0), new(), new(Guidance: 2, Temperature: 0.7f, TopK: 20, TopP: 0.9f) })
            Assert.Equal(onHost.Generate(["a tiny cat", "", "a dog"], filters), inGraph.Generate(["a tiny cat", "", "a dog"], filters));
    }

    [Fact]
    public void A_ranker_of_its_own_chooses_for_another_model()
    {
        var (clip, output) = (Path.Combine(_folder.Path, "clip"), Path.Combine(_folder.Path, "bundle"));
        BundleExporter.ExportRandom("clip", "tiny", clip);
        BundleExporter.ExportRandom("dalle", "tiny", output, new ExportOptions { Clip = clip });
        Directory.Delete(clip, recursive: true);
        using var model = DalleModel.Load(output);
        var options = new GenerationOptions { Candidates = 3 };
        var generated = model.GenerateCandidates(new GenerationRequest("a tiny cat", Seed: 1), options).ToArray();
        Assert.Equal(3, generated.Length);
        Assert.All(generated, image => Assert.Equal(model.Score("a tiny cat", image.Image), image.Score, tolerance: 0.01f));
        Assert.Equal(generated.Max(image => image.Score), model.Generate("a tiny cat", seed: 1, options).Score);
    }

    [Fact]
    public void The_same_size_gives_the_same_weights()
    {
        var (first, second) = (Path.Combine(_folder.Path, "first"), Path.Combine(_folder.Path, "second"));
        BundleExporter.ExportRandom("dalle", "tiny", first);
        BundleExporter.ExportRandom("dalle", "tiny", second);
        Assert.Equal(File.ReadAllBytes(Path.Combine(first, "dalle.json")), File.ReadAllBytes(Path.Combine(second, "dalle.json")));
    }
}
