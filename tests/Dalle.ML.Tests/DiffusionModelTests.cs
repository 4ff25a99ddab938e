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
            TextOf(_model.Vary(_picture, seed: 1, options: TinyUnclip.Quick)),
            TextOf(_model.Vary(_other, seed: 1, strength: 0.5f, TinyUnclip.Quick)),
            TextOf(_model.Inpaint("a cat", _picture, _other, seed: 2, TinyUnclip.Quick)),
            TextOf(_model.Generate("a cat", seed: 2, TinyUnclip.Quick)),
            TextOf(_model.Vary(_picture, seed: 3, options: TinyUnclip.Quick)),
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
        string[] five = [.. _model.Interpolate(_picture, _other, frames: 5, seed: 1, TinyUnclip.Quick).Select(TextOf)];
        string[] three = [.. _model.Interpolate(_picture, _other, frames: 3, seed: 1, TinyUnclip.Quick).Select(TextOf)];
        Assert.Equal(5, five.Distinct().Count());
        Assert.Equal([five[0], five[2], five[4]], three);
        string[] ofTexts = [.. _model.InterpolatePrompts("a cat", "a dog", frames: 3, seed: 1, TinyUnclip.Quick).Select(TextOf)];
        float[][] ends = [_model.GenerateImageEmbedding("a cat", seed: 1, TinyUnclip.Quick), _model.GenerateImageEmbedding("a dog", seed: 1, TinyUnclip.Quick)];
        Assert.Equal([ofTexts[0], ofTexts[2]], ends.Select(end => TextOf(_model.DecodeImageEmbedding(end, seed: 1, options: TinyUnclip.Quick))));
    }

    [Fact]
    public async Task Threads_give_what_one_gives()
    {
        var expected = TextOf(_model.Vary(_picture, seed: 1, options: TinyUnclip.Quick));
        var all = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => TextOf(_model.Vary(_picture, seed: 1, options: TinyUnclip.Quick)))));
        Assert.All(all, image => Assert.Equal(expected, image));
    }

    [Fact]
    public void Steps_of_upsamplers_are_refused_by_a_model_without_them()
    {
        using var single = DalleModel.Load(WithoutUpsamplers());
        Assert.Equal(16, single.Info.ImageWidth);
        Assert.Null(single.Info.Defaults.Diffusion.UpsamplerSteps);
        var error = Assert.Throws<NotSupportedException>(() => single.Vary(_picture, seed: 1, options: TinyUnclip.Quick));
        Assert.Equal("'UpsamplerSteps' is for models with upsamplers; 'karlo-tiny' has none. Leave it out.", error.Message);
        using var image = single.Vary(_picture, seed: 1, options: new() { Diffusion = new() { DecoderSteps = 2 } });
        Assert.Equal(16, image.Image.Width);
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

    private string WithoutUpsamplers()
    {
        var bundle = _folder.CopyOf(TinyUnclip.Path, "single");
        var path = Path.Combine(bundle, "dalle.json");
        var manifest = JsonNode.Parse(File.ReadAllBytes(path))!;
        manifest["unclip"]!["stages"]!.AsArray().RemoveAt(1);
        var files = manifest["files"]!.AsObject();
        foreach (var name in files.Select(file => file.Key).Where(name => name.StartsWith("upsampler", StringComparison.Ordinal)).ToArray())
            files.Remove(name);
        File.WriteAllText(path, manifest.ToJsonString());
        return bundle;
    }

    private static MLImage Picture(int width, int height, int step) => MLImage.CreateFromPixels(
        width, height, MLPixelFormat.Rgba32, [.. Enumerable.Range(0, 4 * width * height).Select(i => (byte)(i % 4 == 3 ? 255 : i * step % 251))]);

    private static string TextOf(GeneratedImage image)
    {
        using (image)
            return ColumnText.Of(image.Image);
    }
}
