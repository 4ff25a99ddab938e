using Dalle.ML.Tests;
using Microsoft.ML.Data;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>What a DALL·E 2 model does beside generating from a prompt, with the reference's weights, which heed an image embedding as random ones do not.</summary>
[Trait("Category", "Golden")]
public sealed class Dalle2ModelTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly MLImage _picture = Picture(40, 30, step: 37);
    private readonly MLImage _other = Picture(30, 50, step: 91);
    private readonly DalleModel _model;

    public Dalle2ModelTests()
    {
        var output = Path.Combine(_folder.Path, "bundle");
        var root = GoldenFolder.Of("dalle2-pytorch");
        BundleExporter.Export("dalle2-pytorch", [.. new[] { "dalle2/dalle2.pt", "clip/clip_state_dict.pt", "bpe_tiny.txt.gz" }.Select(file => Path.Combine(root, file))], output);
        _model = DalleModel.Load(output);
    }

    public void Dispose()
    {
        _model.Dispose();
        _picture.Dispose();
        _other.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void The_description_tells_what_it_does()
    {
        Assert.True(_model.Info.CanVary);
        Assert.True(_model.Info.ImageEmbeddingDimension > 0);
        Assert.NotNull(_model.Info.Defaults.Diffusion.PriorSteps);
        Assert.NotNull(_model.Info.Defaults.Diffusion.DecoderSteps);
    }

    [Fact]
    public void Generation_is_the_prior_and_then_the_decoder()
    {
        var embedding = _model.GenerateImageEmbedding("a tiny cat", seed: 3);
        Assert.Equal(_model.Info.ImageEmbeddingDimension, embedding.Length);
        Assert.NotEqual(embedding, _model.GenerateImageEmbedding("a tiny cat", seed: 4));
        AssertSame(_model.Generate("a tiny cat", seed: 3), _model.DecodeImageEmbedding(embedding, seed: 3, "a tiny cat"));
        Assert.Throws<ArgumentException>("embedding", () => _model.DecodeImageEmbedding(new float[3], seed: 3));
        embedding[0] = float.NaN;
        Assert.Throws<ArgumentException>("embedding", () => _model.DecodeImageEmbedding(embedding, seed: 3));
    }

    [Fact]
    public void Variations_follow_the_seed_and_inversion_the_image()
    {
        AssertSame(_model.Vary(_picture, seed: 1), _model.Vary(_picture, seed: 1));
        AssertDiffer(_model.Vary(_picture, seed: 1), _model.Vary(_picture, seed: 2));
        AssertDiffer(_model.Vary(_picture, seed: 1), _model.Vary(_picture, seed: 1, strength: 0.5f));
        Assert.Throws<ArgumentOutOfRangeException>("strength", () => _model.Vary(_picture, seed: 1, strength: 2));
        var error = Assert.Throws<NotSupportedException>(() => _model.Vary(_picture, 1, options: new GenerationOptions { Candidates = 3 }));
        Assert.Contains("no prompt", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Inpainting_keeps_what_the_mask_leaves()
    {
        var size = _model.Info.ImageWidth;
        using var image = Picture(size, size, step: 37);
        // The left half is black, the right half white; or opaque and transparent.
        using var mask = MLImage.CreateFromPixels(size, size, MLPixelFormat.Rgba32,
            [.. Enumerable.Range(0, size * size).SelectMany(i => i % size < size / 2 ? new byte[] { 0, 0, 0, 255 } : [255, 255, 255, 255])]);
        using var transparent = MLImage.CreateFromPixels(size, size, MLPixelFormat.Rgba32,
            [.. Enumerable.Range(0, size * size).SelectMany(i => i % size < size / 2 ? new byte[] { 9, 200, 90, 255 } : [0, 0, 0, 0])]);
        using var painted = _model.Inpaint("a tiny cat", image, mask, seed: 5);
        var differences = Enumerable.Range(0, size * size).Where(i => !Color(image, i).SequenceEqual(Color(painted.Image, i))).ToArray();
        Assert.NotEmpty(differences);
        Assert.All(differences, i => Assert.True(i % size >= size / 2));
        AssertSame(_model.Inpaint("a tiny cat", image, mask, seed: 5), _model.Inpaint("a tiny cat", image, transparent, seed: 5));

        Assert.Throws<ArgumentException>("mask", () => _model.Inpaint("a tiny cat", _picture, mask, seed: 5));
        using var black = MLImage.CreateFromPixels(size, size, MLPixelFormat.Rgba32, [.. Enumerable.Range(0, 4 * size * size).Select(i => (byte)(i % 4 == 3 ? 255 : 0))]);
        Assert.Throws<ArgumentException>("mask", () => _model.Inpaint("a tiny cat", image, black, seed: 5));
    }

    [Fact]
    public void A_way_between_images_begins_and_ends_with_their_variations()
    {
        var frames = _model.Interpolate(_picture, _other, frames: 3, seed: 2).ToArray();
        Assert.Equal(3, frames.Length);
        AssertSame(_model.Vary(_picture, seed: 2), frames[0]);
        AssertDiffer(_model.Vary(_picture, seed: 2), frames[1]);
        AssertSame(_model.Vary(_other, seed: 2), frames[2]);
        AssertSame(
            _model.DecodeImageEmbedding(_model.GenerateImageEmbedding("a tiny cat", seed: 2), seed: 2),
            _model.InterpolatePrompts("a tiny cat", "a large dog", frames: 2, seed: 2).First());
        Assert.Throws<ArgumentOutOfRangeException>("frames", () => _model.Interpolate(_picture, _other, frames: 1, seed: 2));
    }

    [Fact]
    public void A_change_of_texts_changes_the_image()
    {
        AssertSame(_model.Vary(_picture, seed: 2, strength: 0), _model.Change(_picture, "a cat", "a dog", amount: 0, seed: 2));
        AssertDiffer(_model.Vary(_picture, seed: 2, strength: 0), _model.Change(_picture, "a cat", "a dog", amount: 0.5f, seed: 2));
        Assert.Throws<ArgumentException>("to", () => _model.Change(_picture, "a cat", "a cat", amount: 0.5f, seed: 2));
    }

    [Fact]
    public void Steps_and_guidance_of_each_network_are_honoured_or_refused_by_name()
    {
        var most = new GenerationOptions { Diffusion = new DiffusionOptions { PriorSteps = 3, DecoderSteps = 2, UpsamplerSteps = 2, PriorGuidance = 2 } };
        AssertDiffer(_model.Generate("a tiny cat", seed: 1), _model.Generate("a tiny cat", seed: 1, most));
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => _model.Generate("a", 1, new GenerationOptions { Diffusion = new DiffusionOptions { PriorSteps = 9999 } }));
        Assert.StartsWith("PriorSteps must be between 1 and ", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>("DecoderSteps", () => new DiffusionOptions { DecoderSteps = 0 });

        using var ofTokens = DalleModel.LoadDefault();
        var refused = Assert.Throws<DalleOptionException>(() => ofTokens.Generate("a", 1, new GenerationOptions { Diffusion = new DiffusionOptions { IsFast = true } }));
        Assert.Contains("'IsFast'", refused.Message, StringComparison.Ordinal);
        Assert.Throws<NotSupportedException>(() => ofTokens.Vary(_picture, seed: 1));
    }

    [Fact]
    public void Progress_goes_through_the_stages_and_a_run_can_be_cancelled_at_each_step()
    {
        var reports = new List<(int Stage, int Stages, int Step, int Steps, double Fraction, int? Width)>();
        using var image = _model.Generate("a tiny cat", seed: 1, progress: new Reporter(report =>
        {
            using var preview = report.CreatePreview();
            reports.Add((report.Stage, report.Stages, report.Step, report.Steps, report.Fraction, preview?.Width));
        }));
        Assert.Equal(reports.Order().Select(report => report.Fraction), reports.Select(report => report.Fraction));
        Assert.Equal(Enumerable.Range(0, reports[0].Stages), reports.Select(report => report.Stage).Distinct());
        Assert.All(reports, report => Assert.Equal(report.Stage > 0, report.Width is not null));
        Assert.Equal((1, image.Image.Width), (reports[^1].Fraction, reports[^1].Width));

        using var source = new CancellationTokenSource();
        var steps = 0;
        Assert.ThrowsAny<OperationCanceledException>(() => _model.Generate("a tiny cat", seed: 1, cancellationToken: source.Token, progress: new Reporter(_ =>
        {
            steps++;
            source.Cancel();
        })));
        Assert.Equal(1, steps);
    }

    private static MLImage Picture(int width, int height, int step) => MLImage.CreateFromPixels(
        width, height, MLPixelFormat.Rgba32, [.. Enumerable.Range(0, 4 * width * height).Select(i => (byte)(i % 4 == 3 ? 255 : i * step % 251))]);

    // Red, green and blue, whichever order the image has.
    private static byte[] Color(MLImage image, int pixel)
    {
        var (first, last) = image.PixelFormat == MLPixelFormat.Rgba32 ? (0, 2) : (2, 0);
        return [image.Pixels[4 * pixel + first], image.Pixels[4 * pixel + 1], image.Pixels[4 * pixel + last]];
    }

    private static void AssertSame(GeneratedImage expected, GeneratedImage actual)
    {
        using (expected)
        using (actual)
            Assert.Equal(expected.Image.Pixels.ToArray(), actual.Image.Pixels.ToArray());
    }

    private static void AssertDiffer(GeneratedImage first, GeneratedImage second)
    {
        using (first)
        using (second)
            Assert.NotEqual(first.Image.Pixels.ToArray(), second.Image.Pixels.ToArray());
    }

    private sealed class Reporter(Action<GenerationProgress> report) : IProgress<GenerationProgress>
    {
        public void Report(GenerationProgress value) => report(value);
    }
}
