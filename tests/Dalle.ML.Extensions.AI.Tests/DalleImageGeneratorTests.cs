using System.Drawing;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.ML.Data;

namespace Dalle.ML.Extensions.AI.Tests;

public sealed class DalleImageGeneratorTests : IDisposable
{
    private readonly DalleImageGenerator _generator = new(DalleModel.LoadDefault());

    public void Dispose() => _generator.Dispose();

    [Fact]
    public async Task Images_are_those_of_the_model()
    {
        var options = new ImageGenerationOptions { Count = 3, AdditionalProperties = new() { ["seed"] = 7, ["candidates"] = 2 } };
        var response = await _generator.GenerateImagesAsync("a red heart", options);
        using var model = DalleModel.LoadDefault();
        var expected = model.GenerateBatch([.. GenerationRequest.Series("a red heart", 7, 3)], new GenerationOptions { Candidates = 2 }).ToArray();
        Assert.Equal(expected.Select(image => Convert.ToHexString(image.Image.Pixels)), response.Contents.Select(Pixels));
        Assert.Equal(expected.Select(image => image.Seed), response.Contents.Select(content => (ulong)content.AdditionalProperties!["seed"]!));
        Assert.Equal(expected.Select(image => image.Score), response.Contents.Select(content => (float)content.AdditionalProperties!["score"]!));
        Assert.Equal((3, 3 * 256, 3 * 256 + 3), (response.Usage!.InputTokenCount, response.Usage.OutputTokenCount, response.Usage.TotalTokenCount));
    }

    [Fact]
    public async Task Options_may_come_as_text_or_JSON()
    {
        var numbers = await Draw(new() { ["seed"] = 7ul, ["candidates"] = 1, ["temperature"] = 1.5f });
        using var json = JsonDocument.Parse("""{"seed": 7, "candidates": 1, "temperature": 1.5}""");
        var elements = new AdditionalPropertiesDictionary(json.RootElement.EnumerateObject().Select(property => KeyValuePair.Create(property.Name, (object?)property.Value)));
        Assert.Equal(numbers, await Draw(elements));
        Assert.Equal(numbers, await Draw(new() { ["seed"] = "7", ["candidates"] = "1", ["temperature"] = "1.5" }));
        Assert.NotEqual(numbers, await Draw(new() { ["seed"] = 8, ["candidates"] = 1, ["temperature"] = 1.5f }));

        async Task<string> Draw(AdditionalPropertiesDictionary properties) =>
            Pixels((await _generator.GenerateImagesAsync("a cat", new ImageGenerationOptions { AdditionalProperties = properties })).Contents.Single());
    }

    [Fact]
    public async Task An_edit_keeps_a_region_and_draws_the_rest()
    {
        var options = new ImageGenerationOptions { AdditionalProperties = new() { ["seed"] = 1, ["candidates"] = 1 } };
        var original = (DataContent)(await _generator.GenerateImagesAsync("a red heart", options)).Contents.Single();
        options.AdditionalProperties!["keep"] = "top:3";
        var edited = (await _generator.EditImageAsync(original, "a green circle", options)).Contents.Single();

        using var model = DalleModel.LoadDefault();
        using var image = MLImage.CreateFromStream(new MemoryStream(original.Data.ToArray()));
        using var expected = model.Complete("a green circle", image, KeepRegion.Top(3), 1, new GenerationOptions { Candidates = 1 });
        Assert.Equal(Convert.ToHexString(expected.Image.Pixels), Pixels(edited));
    }

    [Fact]
    public async Task Images_may_come_as_JPEG()
    {
        var options = new ImageGenerationOptions { AdditionalProperties = new() { ["seed"] = 1, ["candidates"] = 1 } };
        var png = (DataContent)(await _generator.GenerateImagesAsync("a red heart", options)).Contents.Single();
        options.MediaType = "image/jpeg";
        var jpeg = (DataContent)(await _generator.GenerateImagesAsync("a red heart", options)).Contents.Single();
        Assert.Equal(("image/png", "image/jpeg"), (png.MediaType, jpeg.MediaType));
        using var image = new ImageReader().Read(png.Data.Span);
        Assert.Equal(image.ToJpeg(), jpeg.Data.ToArray());
    }

    [Theory]
    [InlineData("lossy.jpg", "image/jpeg")]
    [InlineData("exif6.webp", "image/webp")]
    [InlineData("exif6.jpg", "image/jpeg")]
    [InlineData("rgb.bmp", "image/bmp")]
    [InlineData("rgb.gif", "image/gif")]
    public async Task An_original_is_read_as_any_image_file_is(string file, string mediaType)
    {
        var options = new ImageGenerationOptions { AdditionalProperties = new() { ["seed"] = 1, ["candidates"] = 1, ["keep"] = "top:6" } };
        var edited = await _generator.EditImageAsync(new DataContent(File.ReadAllBytes(PathOf(file)), mediaType), "a green circle", options);

        using var model = DalleModel.LoadDefault();
        using var image = new ImageReader().Read(PathOf(file));
        using var expected = model.Complete("a green circle", image, KeepRegion.Top(6), 1, new GenerationOptions { Candidates = 1 });
        Assert.Equal(Convert.ToHexString(expected.Image.Pixels), Pixels(edited.Contents.Single()));
    }

    [Fact]
    public async Task An_original_that_cannot_be_read_is_refused_with_the_reason()
    {
        await Refused("The image is truncated", _generator, "trunc.png");
        await Refused("more than the limit of 64 million", _generator, "header65k.png");
        using var careful = new DalleImageGenerator(DalleModel.LoadDefault()) { ImageReader = new ImageReader { MaxPixels = 1000 } };
        await Refused("has 48 × 32 pixels, more than the limit of 0.001 million", careful, "rgb.png");
        using var clip = new ClipEmbeddingGenerator(DalleModel.LoadDefault());
        await Assert.ThrowsAsync<ArgumentException>(() => ((IEmbeddingGenerator<DataContent, Embedding<float>>)clip).GenerateAsync([Content("trunc.jpg")]));

        static async Task Refused(string message, DalleImageGenerator generator, string file) => Assert.Contains(
            message, (await Assert.ThrowsAsync<ArgumentException>(() => generator.EditImageAsync(Content(file), "a cat"))).Message, StringComparison.Ordinal);

        static DataContent Content(string file) => new(File.ReadAllBytes(PathOf(file)), "image/png");
    }

    [Fact]
    public async Task What_cannot_be_met_is_refused_by_name()
    {
        await Refused("Count", new() { Count = 0 });
        await Refused("'dall-e-3'", new() { ModelId = "dall-e-3" });
        await Refused("128 × 128", new() { ImageSize = new Size(256, 256) });
        await Refused("image/png", new() { MediaType = "image/webp" });
        await Refused("Uri", new() { ResponseFormat = ImageGenerationResponseFormat.Uri });
        await Refused("'seed'", new() { AdditionalProperties = new() { ["seed"] = "seven" } });
        await Refused("'steps' is not known", new() { AdditionalProperties = new() { ["seed"] = 1, ["steps"] = 50 } });
        await Refused("options are seed, candidates, temperature", new() { AdditionalProperties = new() { ["negative_prompt"] = "blur" } });
        await Refused("'size' is not known", new() { AdditionalProperties = new() { ["size"] = "1024x1024" } });
        await Refused("'temperature' is '0,5'; it must be a number such as 0.5, with a point", new() { AdditionalProperties = new() { ["temperature"] = "0,5" } });
        await Refused("'guidanceScale' is '1,2'", new() { AdditionalProperties = new() { ["guidanceScale"] = "1,2" } });
        await Refused("'candidates' is '1,000'", new() { AdditionalProperties = new() { ["candidates"] = "1,000" } });
        await Refused("'candidates' is '1.5'; it must be a whole number", new() { AdditionalProperties = new() { ["candidates"] = 1.5 } });
        await Refused("Candidates", new() { AdditionalProperties = new() { ["candidates"] = 0 } });
        await Refused("'keep'", new() { AdditionalProperties = new() { ["keep"] = "top:1" } });
        await Assert.ThrowsAsync<ArgumentException>(() => _generator.GenerateAsync(new ImageGenerationRequest()));
        await Assert.ThrowsAsync<ArgumentException>(() => _generator.EditImagesAsync([new TextContent("no image")], "a cat"));
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _generator.GenerateImagesAsync("a cat", null, cancelled.Token));

        async Task Refused(string named, ImageGenerationOptions options) => Assert.Contains(
            named, (await Assert.ThrowsAnyAsync<ArgumentException>(() => _generator.GenerateImagesAsync("a cat", options))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_prompt_that_is_cut_is_logged_and_counted()
    {
        const string Long = "a small brown dog that sits quietly on the left side of a big red wooden house next to a tall green tree and a blue fish";
        var log = new FakeLogger();
        using var generator = new DalleImageGenerator(DalleModel.LoadDefault(), log);
        var options = new ImageGenerationOptions { AdditionalProperties = new() { ["seed"] = 1, ["candidates"] = 1 } };
        var content = (await generator.GenerateImagesAsync(Long, options)).Contents.Single();
        var cut = generator.GetRequiredService<DalleModel>().CountCutTokens(Long);
        Assert.True(cut > 0);
        Assert.Equal(cut, content.AdditionalProperties!["cutTokens"]);
        Assert.Equal($"The last {cut} tokens of the prompt were cut: the model 'emoji-128' reads 24.", Assert.Single(log.Collector.GetSnapshot()).Message);
        Assert.Equal(0, (await generator.GenerateImagesAsync("a cat", options)).Contents.Single().AdditionalProperties!["cutTokens"]);
        Assert.Equal(1, log.Collector.Count);
    }

    [Fact]
    public async Task A_seed_that_nobody_gave_survives_JSON()
    {
        var options = new ImageGenerationOptions { Count = 3, AdditionalProperties = new() { ["candidates"] = 1 } };
        foreach (var content in (await _generator.GenerateImagesAsync("a cat", options)).Contents)
            Assert.InRange((ulong)content.AdditionalProperties!["seed"]!, 0ul, (1ul << 53) - 1);
    }

    [Fact]
    public async Task Texts_and_images_are_embedded_in_one_space()
    {
        using var clip = new ClipEmbeddingGenerator(DalleModel.LoadDefault());
        IEmbeddingGenerator<string, Embedding<float>> ofTexts = clip;
        IEmbeddingGenerator<DataContent, Embedding<float>> ofImages = clip;
        var image = (DataContent)(await _generator.GenerateImagesAsync("a red heart", new() { AdditionalProperties = new() { ["seed"] = 1 } })).Contents.Single();
        var texts = await ofTexts.GenerateAsync(["a red heart", "a green square on a black background"]);
        var pictures = await ofImages.GenerateAsync([image]);
        Assert.Equal(192, texts[0].Dimensions);
        Assert.True(Dot(texts[0], pictures[0]) > Dot(texts[1], pictures[0]));
        Assert.Equal(3 + 7, texts.Usage!.InputTokenCount);
        await Assert.ThrowsAsync<ArgumentException>(() => ofTexts.GenerateAsync(["a cat"], new EmbeddingGenerationOptions { Dimensions = 512 }));

        static float Dot(Embedding<float> a, Embedding<float> b) => a.Vector.ToArray().Zip(b.Vector.ToArray(), (x, y) => x * y).Sum();
    }

    private static string PathOf(string file) => Path.Combine(AppContext.BaseDirectory, "Images", "files", file);

    private static string Pixels(AIContent content)
    {
        using var image = MLImage.CreateFromStream(new MemoryStream(((DataContent)content).Data.ToArray()));
        return Convert.ToHexString(image.Pixels);
    }
}
