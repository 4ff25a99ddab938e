using Dalle.ML.Tests;
using Microsoft.Extensions.AI;
using Microsoft.ML.Data;

namespace Dalle.ML.Extensions.AI.Tests;

/// <summary>Edits by a DALL·E 2 model: a part is painted anew, or the image is varied.</summary>
public sealed class DiffusionImageGeneratorTests : IDisposable
{
    private readonly DalleImageGenerator _generator = new(TinyUnclip.Load());
    private readonly DalleModel _model = TinyUnclip.Load();
    private readonly MLImage _opaque = Picture(hasHole: false);
    private readonly MLImage _open = Picture(hasHole: true);
    private readonly MLImage _mask = Mask();

    public void Dispose()
    {
        _generator.Dispose();
        _model.Dispose();
        _opaque.Dispose();
        _open.Dispose();
        _mask.Dispose();
    }

    [Fact]
    public async Task A_mask_or_transparent_pixels_and_a_prompt_are_an_inpainting()
    {
        var byMask = await Edit(_opaque, "a cat", new() { ["mask"] = DataOf(_mask) });
        Assert.Equal(Expected(_model.Inpaint("a cat", _opaque, _mask, seed: 7, TinyUnclip.Quick)), byMask);
        Assert.Equal(byMask, await Edit(_opaque, "a cat", new() { ["mask"] = DataOf(_mask).Uri }));
        Assert.Equal(Expected(_model.Inpaint("a cat", _open, _open, seed: 7, TinyUnclip.Quick)), await Edit(_open, "a cat"));
    }

    [Fact]
    public async Task An_image_without_a_mask_is_varied_and_the_decoder_reads_the_prompt()
    {
        var expected = Expected(_model.Vary(_opaque, seed: 7, options: TinyUnclip.QuickDecoder));
        var withPrompt = Expected(_model.DecodeImageEmbedding(_model.EncodeImageEmbedding(_opaque), seed: 7, "a cat", TinyUnclip.QuickDecoder));
        Assert.NotEqual(expected, withPrompt);
        Assert.Equal(withPrompt, await Edit(_opaque, "a cat"));
        Assert.Equal(expected, await Edit(_opaque, ""));
        Assert.Equal(expected, await Edit(_opaque, null));
        Assert.Equal(Expected(_model.Vary(_open, seed: 7, options: TinyUnclip.QuickDecoder)), await Edit(_open, " "));
        Assert.Equal(Expected(_model.Vary(_opaque, seed: 7, strength: 0.5f, TinyUnclip.QuickDecoder)), await Edit(_opaque, "", new() { ["strength"] = "0.5" }));
    }

    [Fact]
    public async Task Several_images_have_the_seeds_of_a_series()
    {
        var options = Options(runsPrior: false);
        options.Count = 3;
        var response = await _generator.GenerateAsync(new ImageGenerationRequest("", [DataOf(_opaque)]), options);
        var seeds = GenerationRequest.Series("", 7, 3).Select(request => request.Seed).ToArray();
        Assert.Equal(seeds, response.Contents.Select(content => (ulong)content.AdditionalProperties!["seed"]!));
        Assert.Equal(seeds.Select(seed => Expected(_model.Vary(_opaque, seed, options: TinyUnclip.QuickDecoder))), response.Contents.Select(Pixels));
        Assert.Equal(0, response.Usage!.InputTokenCount);
    }

    [Fact]
    public async Task Prompts_become_images_of_the_model_with_its_steps()
    {
        var response = await _generator.GenerateImagesAsync("a cat", Options());
        Assert.Equal(Expected(_model.Generate("a cat", seed: 7, TinyUnclip.Quick)), Pixels(response.Contents.Single()));
    }

    [Fact]
    public async Task What_the_model_does_not_have_is_refused_by_name()
    {
        await Refused<ArgumentException>("'keep' is for models that sample image tokens; 'karlo-tiny' is not one", _opaque, "a cat", new() { ["keep"] = "top:3" });
        await Refused<ArgumentException>("'mask' needs a prompt", _opaque, "", new() { ["mask"] = DataOf(_mask) });
        await Refused<ArgumentException>("'mask' is not an image", _opaque, "a cat", new() { ["mask"] = "mask.png" });
        await Refused<ArgumentException>("'mask' is not an image", _opaque, "a cat", new() { ["mask"] = new DataContent("text"u8.ToArray(), "text/plain") });
        await Refused<ArgumentException>("'strength' is for variations", _open, "a cat", new() { ["strength"] = 0.5 });
        await Refused<ArgumentException>("strength must be between 0 and 1", _opaque, "", new() { ["strength"] = 2 });
        await Refused<ArgumentException>("'fast' is 'perhaps'; it must be true or false", _opaque, "", new() { ["fast"] = "perhaps" });
        await Refused<ArgumentException>("DecoderSteps must be between 1 and 1000", _opaque, "", new() { ["decoderSteps"] = 1001 });
        await Refused<NotSupportedException>("'temperature' is for models that sample image tokens", _opaque, "", new() { ["temperature"] = 1 });
        await Refused<NotSupportedException>("'priorSteps' is for the prior, which does not run here", _opaque, "", new() { ["priorSteps"] = 2 });
        await Refused<NotSupportedException>("'priorGuidance' is for the prior, which does not run here", _opaque, "a cat", new() { ["priorGuidance"] = 2 });
        await Refused<NotSupportedException>("no prompt to choose among them", _opaque, "", new() { ["candidates"] = 2 });
        using var small = MLImage.CreateFromPixels(8, 8, MLPixelFormat.Bgra32, new byte[8 * 8 * 4]);
        await Refused<ArgumentException>("The mask has 8 × 8 pixels, the image 40 × 30", _opaque, "a cat", new() { ["mask"] = DataOf(small) });
        await Assert.ThrowsAsync<ArgumentException>(() => _generator.GenerateAsync(new ImageGenerationRequest(), Options()));
        var orphan = await Assert.ThrowsAsync<ArgumentException>(() => _generator.GenerateImagesAsync("a cat", Options(new() { ["mask"] = DataOf(_mask) })));
        Assert.Contains("'mask' needs an original image", orphan.Message, StringComparison.Ordinal);

        using var ofTokens = new DalleImageGenerator(DalleModel.LoadDefault());
        var mask = await Assert.ThrowsAsync<ArgumentException>(() => ofTokens.EditImageAsync(DataOf(_opaque), "a cat", new() { AdditionalProperties = new() { ["mask"] = DataOf(_mask) } }));
        Assert.Contains("'mask' is for DALL·E 2 models; 'emoji-128' is not one", mask.Message, StringComparison.Ordinal);
        var steps = await Assert.ThrowsAsync<NotSupportedException>(() => ofTokens.GenerateImagesAsync("a cat", new() { AdditionalProperties = new() { ["priorSteps"] = 5 } }));
        Assert.Contains("'priorSteps' is for DALL·E 2 models", steps.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ArgumentException>(() => ofTokens.GenerateAsync(new ImageGenerationRequest { OriginalImages = [DataOf(_opaque)] }));

        async Task Refused<T>(string reason, MLImage image, string prompt, AdditionalPropertiesDictionary properties)
            where T : Exception =>
            Assert.Contains(reason, (await Assert.ThrowsAnyAsync<T>(() => Edit(image, prompt, properties))).Message, StringComparison.Ordinal);
    }

    // Variations do not run the prior.
    private async Task<string> Edit(MLImage image, string? prompt, AdditionalPropertiesDictionary? properties = null)
    {
        var paints = !string.IsNullOrWhiteSpace(prompt) && (image == _open || properties?.ContainsKey("mask") == true);
        return Pixels((await _generator.GenerateAsync(new ImageGenerationRequest { Prompt = prompt, OriginalImages = [DataOf(image)] }, Options(properties, paints))).Contents.Single());
    }

    private static ImageGenerationOptions Options(AdditionalPropertiesDictionary? more = null, bool runsPrior = true)
    {
        AdditionalPropertiesDictionary properties = new() { ["seed"] = 7, ["decoderSteps"] = 2, ["upsamplerSteps"] = 2 };
        if (runsPrior)
            properties["priorSteps"] = 2;
        foreach (var (name, value) in more ?? [])
            properties[name] = value;
        return new ImageGenerationOptions { AdditionalProperties = properties };
    }

    private static DataContent DataOf(MLImage image) => new(image.ToPng(), "image/png");

    private static MLImage Picture(bool hasHole) => MLImage.CreateFromPixels(40, 30, MLPixelFormat.Bgra32, [.. Enumerable.Range(0, 40 * 30).SelectMany(i =>
        hasHole && i % 40 < 20 ? new byte[4] : [(byte)(i * 37 % 251), (byte)(i * 91 % 251), (byte)(i * 11 % 251), 255])]);

    private static MLImage Mask() => MLImage.CreateFromPixels(
        40, 30, MLPixelFormat.Bgra32, [.. Enumerable.Range(0, 40 * 30).SelectMany(i => i % 40 < 20 ? new byte[] { 0, 0, 0, 255 } : [255, 255, 255, 255])]);

    private static string Expected(GeneratedImage image)
    {
        using (image)
            return Convert.ToHexString(image.Image.Pixels);
    }

    private static string Pixels(AIContent content)
    {
        using var image = MLImage.CreateFromStream(new MemoryStream(((DataContent)content).Data.ToArray()));
        return Convert.ToHexString(image.Pixels);
    }
}
