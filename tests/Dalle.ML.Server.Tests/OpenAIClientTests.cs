using System.ClientModel;
using System.ClientModel.Primitives;
using System.Text.Json;
using Microsoft.Extensions.AI;
using OpenAI;
using OpenAI.Images;
using ImageGenerationOptions = OpenAI.Images.ImageGenerationOptions;

namespace Dalle.ML.Server.Tests;

/// <summary>OpenAI's own client is served as it is by OpenAI.</summary>
public sealed class OpenAIClientTests : IAsyncLifetime
{
    private const string Model = "tiny-64";

    private Site _site = null!;

    public async ValueTask InitializeAsync() => _site = await Site.StartAsync();

    public ValueTask DisposeAsync() => _site.DisposeAsync();

    [Fact]
    public async Task It_generates_the_images_of_the_library()
    {
        var plain = (await Images().GenerateImagesAsync(
            "a red apple", 3, new ImageGenerationOptions { ResponseFormat = GeneratedImageFormat.Bytes, Size = new GeneratedImageSize(64, 64) })).Value;
        Assert.Equal([64 * 64, 64 * 64, 64 * 64], plain.Select(Pixels));

        // Fields that are not OpenAI's, by its method for any JSON.
        using var body = BinaryContent.Create(BinaryData.FromObjectAsJson(new { prompt = "a red apple", model = Model, n = 3, seed = 7, candidates = 2, temperature = 0.9 }));
        var answer = (await Images().GenerateImagesAsync(body)).GetRawResponse().Content;
        var images = JsonDocument.Parse(answer).RootElement.GetProperty("data").EnumerateArray().Select(image => image.GetProperty("b64_json").GetBytesFromBase64());
        var expected = _site.Model.GenerateBatch(
            [.. GenerationRequest.Series("a red apple", 7, 3)], new() { Candidates = 2, Sampling = new() { Temperature = 0.9f } }).ToArray();
        Assert.Equal(expected.Select(image => image.Image.ToPng()), images);
    }

    [Fact]
    public async Task Its_urls_lead_to_the_images()
    {
        var images = (await Images().GenerateImagesAsync("a red apple", 2, new ImageGenerationOptions { ResponseFormat = GeneratedImageFormat.Uri })).Value;
        foreach (var image in images)
        {
            var response = await _site.Client.GetAsync(image.ImageUri);
            Assert.Equal("image/png", response.Content.Headers.ContentType!.MediaType);
            using var read = new ImageReader().Read(await response.Content.ReadAsByteArrayAsync());
            Assert.Equal((64, 64), (read.Width, read.Height));
        }
    }

    [Fact]
    public async Task A_size_that_the_model_has_not_is_an_error_that_names_those_it_has()
    {
        var error = await Assert.ThrowsAsync<ClientResultException>(() =>
            Images().GenerateImageAsync("a red apple", new ImageGenerationOptions { Size = GeneratedImageSize.W1024xH1024 }));
        Assert.Equal(400, error.Status);
        Assert.Contains("64x64", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Edits_redraw_where_the_mask_is_transparent()
    {
        using var apple = _site.Model.Generate("a red apple", 1, new() { Candidates = 1 });
        using var mask = Pictures.Mask(64, 64, (_, y) => y >= 32);
        var edited = (await Images().GenerateImageEditAsync(
            new MemoryStream(apple.Image.ToPng()), "apple.png", "a green apple", new MemoryStream(mask.ToPng()), "mask.png",
            new ImageEditOptions { ResponseFormat = GeneratedImageFormat.Bytes })).Value;
        Assert.Equal(64 * 64, Pixels(edited));

        // The same with a seed, against the library's completion of the upper half.
        using var form = new MultipartFormDataContent
        {
            { new ByteArrayContent(apple.Image.ToPng()), "image", "apple.png" }, { new ByteArrayContent(mask.ToPng()), "mask", "mask.png" },
            { new StringContent("a green apple"), "prompt" }, { new StringContent("5"), "seed" }, { new StringContent("1"), "candidates" },
        };
        var response = await _site.Client.PostAsync("/v1/images/edits", form);
        var json = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
        using var expected = _site.Model.Complete("a green apple", apple.Image, KeepRegion.Top(4), 5, new() { Candidates = 1 });
        Assert.Equal(expected.Image.ToPng(), json.GetProperty("data")[0].GetProperty("b64_json").GetBytesFromBase64());
    }

    [Fact]
    public async Task Variations_are_refused_by_a_model_that_makes_none()
    {
        using var image = Pictures.Mask(64, 64, (_, _) => false);
        var error = await Assert.ThrowsAsync<ClientResultException>(() =>
            Images().GenerateImageVariationAsync(new MemoryStream(image.ToPng()), "image.png", new ImageVariationOptions()));
        Assert.Equal(400, error.Status);
        Assert.Contains("makes no variations", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Models_and_embeddings_are_there()
    {
        var models = (await Client().GetOpenAIModelClient().GetModelsAsync()).Value;
        Assert.Equal(Model, Assert.Single(models).Id);
        var embeddings = (await Client().GetEmbeddingClient(Model).GenerateEmbeddingsAsync(["a cat", "a dog"])).Value;
        Assert.Equal(_site.Model.EmbedText("a dog"), embeddings[1].ToFloats().ToArray());
    }

    [Fact]
    public async Task Extensions_AI_works_on_top_of_it()
    {
        using var generator = Images().AsIImageGenerator();
        var response = await generator.GenerateImagesAsync("a red apple", new Microsoft.Extensions.AI.ImageGenerationOptions
        {
            Count = 2,
            ResponseFormat = ImageGenerationResponseFormat.Data,
        });
        Assert.Equal(2, response.Contents.OfType<DataContent>().Count());
    }

    private static int Pixels(OpenAI.Images.GeneratedImage image)
    {
        using var read = new ImageReader().Read(image.ImageBytes.ToArray());
        return read.Width * read.Height;
    }

    private ImageClient Images() => Client().GetImageClient(Model);

    private OpenAIClient Client() => new(
        new ApiKeyCredential("none"), new OpenAIClientOptions { Endpoint = new Uri(_site.Address, "/v1"), RetryPolicy = new ClientRetryPolicy(0) });
}
