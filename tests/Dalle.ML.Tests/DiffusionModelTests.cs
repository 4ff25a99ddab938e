using System.Text.Json.Nodes;
using Dalle.ML.PipelineHost;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests;

/// <summary>A DALL·E 2 model gives the same alone and in any batch, and refuses what it does not have.</summary>
public sealed class DiffusionModelTests : IDisposable
{
    private readonly DalleModel _model = TinyUnclip.Load();
    private readonly MLImage _picture = Picture(40, 30, step: 37);
    private readonly MLImage _other = Picture(40, 30, step: 91);
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        _model.Dispose();
        _picture.Dispose();
        _other.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Variations_inpaintings_and_prompts_are_the_same_alone_and_in_one_batch()
    {
        string[] alone =
        [
            TextOf(_model.Vary(_picture, seed: 1, options: TinyUnclip.QuickDecoder)),
            TextOf(_model.Vary(_other, seed: 1, strength: 0.5f, TinyUnclip.QuickDecoder)),
            TextOf(_model.Inpaint("a cat", _picture, _other, seed: 2, TinyUnclip.Quick)),
            TextOf(_model.Generate("a cat", seed: 2, TinyUnclip.Quick)),
            TextOf(_model.Vary(_picture, seed: 3, options: TinyUnclip.QuickDecoder)),
        ];
        GenerationRequest[] requests =
        [
            _model.VariationOf(_picture, seed: 1), _model.VariationOf(_other, seed: 1, strength: 0.5f), _model.InpaintingOf("a cat", _picture, _other, seed: 2),
            new("a cat", 2), _model.VariationOf(_picture, seed: 3),
        ];
        Assert.Equal(alone.Length, alone.Distinct().Count());
        Assert.Equal(alone, _model.GenerateBatch(requests, TinyUnclip.Quick).Select(TextOf));
        Assert.Equal(alone.Reverse(), _model.GenerateBatch([.. requests.Reverse()], TinyUnclip.Quick).Select(TextOf));
    }

    [Fact]
    public void A_frame_is_the_same_whatever_others_are_on_its_way()
    {
        string[] five = [.. _model.Interpolate(_picture, _other, frames: 5, seed: 1, TinyUnclip.QuickDecoder).Select(TextOf)];
        string[] three = [.. _model.Interpolate(_picture, _other, frames: 3, seed: 1, TinyUnclip.QuickDecoder).Select(TextOf)];
        Assert.Equal(5, five.Distinct().Count());
        Assert.Equal([five[0], five[2], five[4]], three);
        string[] ofTexts = [.. _model.InterpolatePrompts("a cat", "a dog", frames: 3, seed: 1, TinyUnclip.Quick).Select(TextOf)];
        float[][] ends = [_model.GenerateImageEmbedding("a cat", seed: 1, TinyUnclip.QuickPrior), _model.GenerateImageEmbedding("a dog", seed: 1, TinyUnclip.QuickPrior)];
        Assert.Equal([ofTexts[0], ofTexts[2]], ends.Select(end => TextOf(_model.DecodeImageEmbedding(end, seed: 1, options: TinyUnclip.QuickDecoder))));
    }

    [Fact]
    public async Task Threads_give_what_one_gives()
    {
        var expected = TextOf(_model.Vary(_picture, seed: 1, options: TinyUnclip.QuickDecoder));
        var all = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => TextOf(_model.Vary(_picture, seed: 1, options: TinyUnclip.QuickDecoder)))));
        Assert.All(all, image => Assert.Equal(expected, image));
    }

    [Fact]
    public void Steps_of_upsamplers_are_refused_by_a_model_without_them()
    {
        using var single = DalleModel.Load(WithoutUpsamplers());
        Assert.Equal(16, single.Info.ImageWidth);
        Assert.Null(single.Info.Defaults.Diffusion.UpsamplerSteps);
        var error = Assert.Throws<DalleOptionException>(() => single.Vary(_picture, seed: 1, options: TinyUnclip.QuickDecoder));
        Assert.Equal("'UpsamplerSteps' is for models with upsamplers; 'karlo-tiny' has none. Leave it out.", error.Message);
        using var image = single.Vary(_picture, seed: 1, options: new() { Diffusion = new() { DecoderSteps = 2 } });
        Assert.Equal(16, image.Image.Width);
    }

    [Fact]
    public void Options_that_have_no_part_in_what_runs_are_refused_by_name()
    {
        var embedding = _model.GenerateImageEmbedding("a cat", seed: 1, TinyUnclip.QuickPrior);
        GenerationOptions priorSteps = new() { Diffusion = new() { PriorSteps = 2 } }, priorGuidance = new() { Diffusion = new() { PriorGuidance = 2 } };
        foreach (var (name, options) in new[] { ("PriorSteps", priorSteps), ("PriorGuidance", priorGuidance) })
        {
            AssertRefused(name, () => _model.Vary(_picture, seed: 1, options: options));
            AssertRefused(name, () => _model.Change(_picture, "a cat", "a dog", 0.5f, seed: 1, options));
            AssertRefused(name, () => _ = _model.Interpolate(_picture, _other, 2, seed: 1, options).First());
            AssertRefused(name, () => _model.DecodeImageEmbedding(embedding, seed: 1, options: options));
        }
        AssertRefused("GuidanceScale", () => _model.GenerateImageEmbedding("a cat", 1, new() { Sampling = new() { GuidanceScale = 2 } }));
        AssertRefused("DecoderSteps", () => _model.GenerateImageEmbedding("a cat", 1, new() { Diffusion = new() { DecoderSteps = 2 } }));
        AssertRefused("UpsamplerSteps", () => _model.GenerateImageEmbedding("a cat", 1, new() { Diffusion = new() { UpsamplerSteps = 2 } }));
        AssertRefused("Candidates", () => _model.GenerateImageEmbedding("a cat", 1, new() { Candidates = 2 }));
        AssertRefused("TopK", () => _model.Generate("a cat", 1, new() { Sampling = new() { TopK = 2 } }));
    }

    [Fact]
    public void Options_of_parts_that_a_bundle_lacks_are_refused_by_name()
    {
        using var prior = DalleModel.Load(Without("prior", graphs => graphs["stages"]!.AsArray().Clear(), "decoder", "upsampler"));
        AssertRefused("GuidanceScale", () => prior.GenerateImageEmbedding("a cat", 1, new() { Sampling = new() { GuidanceScale = 2 } }));
        AssertRefused("DecoderSteps", () => prior.GenerateImageEmbedding("a cat", 1, new() { Diffusion = new() { DecoderSteps = 2 } }));
        AssertRefused("IsFast", () => prior.GenerateImageEmbedding("a cat", 1, new() { Diffusion = new() { IsFast = true } }));

        using var decoder = DalleModel.Load(Without("decoder", graphs => graphs.Remove("prior"), "prior"));
        var embedding = new float[decoder.Info.ImageEmbeddingDimension];
        AssertRefused("PriorSteps", () => decoder.DecodeImageEmbedding(embedding, 1, options: new() { Diffusion = new() { PriorSteps = 2 } }));
        AssertRefused("PriorGuidance", () => decoder.DecodeImageEmbedding(embedding, 1, options: new() { Diffusion = new() { PriorGuidance = 2 } }));
        using var image = decoder.DecodeImageEmbedding(embedding, 1, options: new() { Diffusion = new() { IsFast = true, UpsamplerSteps = 2 } });
        Assert.Equal(64, image.Image.Width);

        using var ofTokens = DalleModel.LoadDefault();
        AssertRefused("PriorSteps", () => ofTokens.CheckOptions([new("a cat", 1)], TinyUnclip.QuickPrior));
    }

    [Fact]
    public void Guidance_is_refused_by_a_prior_that_does_not_heed_it()
    {
        using var unguided = DalleModel.Load(Without("unguided", graphs => graphs["prior"]!["heedsGuidance"] = false));
        Assert.Null(unguided.Info.Defaults.Diffusion.PriorGuidance);
        Assert.NotNull(_model.Info.Defaults.Diffusion.PriorGuidance);
        var guided = TinyUnclip.Quick with { Diffusion = TinyUnclip.Quick.Diffusion with { PriorGuidance = 2 } };
        AssertRefused("PriorGuidance", () => unguided.Generate("a cat", 1, guided));
        AssertRefused("PriorGuidance", () => unguided.CheckOptions([new("a cat", 1)], guided));
        AssertRefused("PriorGuidance", () => unguided.GenerateImageEmbedding("a cat", 1, new() { Diffusion = new() { PriorGuidance = 2 } }));
        unguided.Generate("a cat", 1, TinyUnclip.Quick).Dispose();
    }

    [Fact]
    public void The_way_back_from_an_image_is_reported_and_can_be_cancelled_at_each_step()
    {
        var reports = new List<GenerationProgress>();
        _model.Vary(_picture, seed: 1, strength: 0.5f, TinyUnclip.QuickDecoder, new Reporter(reports.Add)).Dispose();
        // Two steps back to noise and two of the decoder, and two of the upsampler.
        Assert.Equal([(1, 1, 4), (1, 2, 4), (1, 3, 4), (1, 4, 4), (2, 1, 2), (2, 2, 2)], reports.Select(report => (report.Stage, report.Step, report.Steps)));
        Assert.Equal(reports.Select(report => report.Fraction).Distinct().Order(), reports.Select(report => report.Fraction));
        Assert.Equal(1, reports[^1].Fraction);
        using (var preview = reports[0].CreatePreview())
            Assert.NotNull(preview);

        for (var last = 1; last < reports.Count; last++)
        {
            using var source = new CancellationTokenSource();
            var steps = 0;
            var progress = new Reporter(_ =>
            {
                if (++steps == last)
                    source.Cancel();
            });
            Assert.ThrowsAny<OperationCanceledException>(() => _model.Vary(_picture, seed: 1, strength: 0.5f, TinyUnclip.QuickDecoder, progress, source.Token));
            Assert.Equal(last, steps);
        }
    }

    [Fact]
    public void A_way_between_prompts_shows_the_prior_and_can_be_cancelled_in_it()
    {
        var reports = new List<GenerationProgress>();
        foreach (var frame in _model.InterpolatePrompts("a cat", "a dog", frames: 3, seed: 1, TinyUnclip.Quick, new Reporter(reports.Add)))
            frame.Dispose();
        // Two steps of the prior for either prompt, and two of each of the other networks for a frame.
        Assert.Equal(2 * 2 + 3 * 2 * 2, reports.Count);
        Assert.Equal([0, 0, 0, 0], reports[..4].Select(report => report.Stage));
        Assert.Equal(reports.Select(report => report.Fraction).Order(), reports.Select(report => report.Fraction));
        Assert.Equal((0.25, 1), (reports[3].Fraction, reports[^1].Fraction));

        using var source = new CancellationTokenSource();
        var steps = 0;
        Assert.ThrowsAny<OperationCanceledException>(() => _model.InterpolatePrompts("a cat", "a dog", frames: 3, seed: 1, TinyUnclip.Quick, new Reporter(_ =>
        {
            steps++;
            source.Cancel();
        }), source.Token).Count());
        Assert.Equal(1, steps);
    }

    [Fact]
    public void Candidates_are_ranked_by_CLIP_whatever_they_begin_with()
    {
        AssertBest(new("a cat", 3));
        AssertBest(_model.InpaintingOf("a cat", _picture, _other, seed: 3));

        void AssertBest(GenerationRequest request)
        {
            var all = _model.GenerateCandidates(request, TinyUnclip.Quick with { Candidates = 3 }).ToArray();
            using var best = _model.GenerateBatch([request], TinyUnclip.Quick with { Candidates = 3 }).Single();
            Assert.Equal(3, all.Select(image => Convert.ToHexString(image.Image.Pixels)).Distinct().Count());
            Assert.Equal((all.Max(image => image.Score), TextOf(all.MaxBy(image => image.Score)!)), (best.Score, ColumnText.Of(best.Image)));
            Array.ForEach(all, image => image.Dispose());
        }
    }

    [Fact]
    public void Texts_are_tokenized()
    {
        var ids = _model.TokenizePrompt("a cat");
        Assert.Equal(_model.Info.TextLength, ids.Length);
        GenerationRequest[] requests = [new("a cat", 1), new("", 1) { PromptTokens = ids }];
        string[] images = [.. _model.GenerateBatch(requests, TinyUnclip.Quick with { Candidates = 1 }).Select(TextOf)];
        Assert.Equal(images[0], images[1]);
    }

    private string WithoutUpsamplers() => Without("single", graphs => graphs["stages"]!.AsArray().RemoveAt(1), "upsampler");

    /// <summary>A bundle without a part.</summary>
    private string Without(string name, Action<JsonObject> remove, params string[] parts)
    {
        var bundle = _folder.CopyOf(TinyUnclip.Path, name);
        var path = Path.Combine(bundle, "dalle.json");
        var manifest = JsonNode.Parse(File.ReadAllBytes(path))!;
        remove(manifest["unclip"]!.AsObject());
        var files = manifest["files"]!.AsObject();
        foreach (var file in files.Select(file => file.Key).Where(file => parts.Any(part => file.StartsWith(part, StringComparison.Ordinal))).ToArray())
            files.Remove(file);
        File.WriteAllText(path, manifest.ToJsonString());
        return bundle;
    }

    private static void AssertRefused(string option, Action call)
    {
        var error = Assert.Throws<DalleOptionException>(call);
        Assert.Equal(option, error.Option);
        Assert.StartsWith($"'{option}' is for ", error.Message, StringComparison.Ordinal);
    }

    private sealed class Reporter(Action<GenerationProgress> report) : IProgress<GenerationProgress>
    {
        public void Report(GenerationProgress value) => report(value);
    }

    private static MLImage Picture(int width, int height, int step) => MLImage.CreateFromPixels(
        width, height, MLPixelFormat.Rgba32, [.. Enumerable.Range(0, 4 * width * height).Select(i => (byte)(i % 4 == 3 ? 255 : i * step % 251))]);

    private static string TextOf(GeneratedImage image)
    {
        using (image)
            return ColumnText.Of(image.Image);
    }
}
