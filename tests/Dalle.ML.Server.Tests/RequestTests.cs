using System.Net;
using System.Text.Json;
using Microsoft.ML.Data;

namespace Dalle.ML.Server.Tests;

/// <summary>What requests may say, and what is answered.</summary>
public sealed class RequestTests : IAsyncLifetime
{
    private Site _site = null!;

    public async ValueTask InitializeAsync() => _site = await Site.StartAsync(options => options.MaxJsonBytes = 16 << 10);

    public ValueTask DisposeAsync() => _site.DisposeAsync();

    [Fact]
    public async Task The_answer_tells_seed_score_size_and_what_was_cut()
    {
        var (_, json) = await _site.PostAsync("/v1/images/generations", new { prompt = string.Join(' ', Enumerable.Repeat("apple", 40)), seed = ulong.MaxValue, n = 2 });
        using var expected = _site.Model.Generate(string.Join(' ', Enumerable.Repeat("apple", 40)), ulong.MaxValue);
        var first = json.GetProperty("data")[0];
        Assert.Equal((ulong.MaxValue, expected.Candidate), (first.GetProperty("seed").GetUInt64(), first.GetProperty("candidate").GetInt32()));
        Assert.Equal(expected.Score, first.GetProperty("score").GetSingle());
        Assert.Equal(expected.Image.ToPng(), first.GetProperty("b64_json").GetBytesFromBase64());
        Assert.Equal("64x64", json.GetProperty("size").GetString());
        Assert.Contains("were cut", json.GetProperty("warnings")[0].GetString(), StringComparison.Ordinal);
        Assert.Equal(2 * 64, json.GetProperty("usage").GetProperty("output_tokens").GetInt32());

        // The seed of the second generates it again, alone.
        var second = json.GetProperty("data")[1];
        var (_, again) = await _site.PostAsync("/v1/images/generations", new { prompt = string.Join(' ', Enumerable.Repeat("apple", 40)), seed = second.GetProperty("seed").GetUInt64() });
        Assert.Equal(second.GetProperty("b64_json").GetString(), again.GetProperty("data")[0].GetProperty("b64_json").GetString());
    }

    [Theory]
    [InlineData("jpeg", 80)]
    [InlineData("webp", 80)]
    public async Task Formats_are_encoded_at_their_quality(string format, int quality)
    {
        var (_, json) = await _site.PostAsync("/v1/images/generations", new { prompt = "a cat", seed = 1, output_format = format, output_compression = quality });
        var (_, better) = await _site.PostAsync("/v1/images/generations", new { prompt = "a cat", seed = 1, output_format = format });
        var file = json.GetProperty("data")[0].GetProperty("b64_json").GetBytesFromBase64();
        Assert.Equal(format, json.GetProperty("output_format").GetString());
        using var read = new ImageReader().Read(file);
        Assert.Equal(64, read.Width);
        Assert.True(file.Length < better.GetProperty("data")[0].GetProperty("b64_json").GetBytesFromBase64().Length);
        if (format == "jpeg")
            Assert.Equal(_site.Model.Generate("a cat", 1).Image.ToJpeg(quality), file);
    }

    [Theory]
    [InlineData("""{"prompt":"a cat","size":"1024x1024"}""", "size", "64x64")]
    [InlineData("""{"prompt":"a cat","n":11}""", "n", "1 to 10")]
    [InlineData("""{"prompt":"a cat","n":"two"}""", "n", "'n'")]
    [InlineData("""{"prompt":"a cat","style":"vivid"}""", "style", "not known")]
    [InlineData("""{"prompt":"a cat","steps":30}""", "steps", "for diffusion models")]
    [InlineData("""{"prompt":"a cat","strength":0.5}""", "strength", "for variations")]
    [InlineData("""{"prompt":" "}""", "prompt", "missing or empty")]
    [InlineData("""{"n":1}""", "prompt", "missing or empty")]
    [InlineData("""{"prompt":"a cat","seed":-1}""", "seed", "'seed'")]
    [InlineData("""{"prompt":"a cat","top_p":0}""", "top_p", "above 0 and at most 1")]
    [InlineData("""{"prompt":"a cat","temperature":-1}""", "temperature", "0 or more")]
    [InlineData("""{"prompt":"a cat","candidates":513}""", "candidates", "1 to 512")]
    [InlineData("""{"prompt":"a cat","response_format":"png"}""", "response_format", "b64_json or url")]
    [InlineData("""{"prompt":"a cat","background":"transparent"}""", "background", "auto or opaque")]
    [InlineData("""{"prompt":"a cat","output_compression":50}""", "output_compression", "jpeg and webp")]
    [InlineData("""{"prompt":"a cat","partial_images":2}""", "partial_images", "stream")]
    [InlineData("""{"prompt":"a cat","prompt":"a dog"}""", null, "JSON")]
    [InlineData("""{"prompt":""", null, "JSON")]
    [InlineData("null", null, "null")]
    public async Task What_cannot_be_met_is_an_error_that_names_the_field(string body, string? field, string message)
    {
        var (response, json) = await _site.PostAsync("/v1/images/generations", body);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        var error = json.GetProperty("error");
        Assert.Equal("invalid_request_error", error.GetProperty("type").GetString());
        Assert.NotEmpty(error.GetProperty("code").GetString()!);
        Assert.Contains(message, error.GetProperty("message").GetString(), StringComparison.Ordinal);
        if (field is not null)
            Assert.Equal(field, error.GetProperty("param").GetString());
    }

    [Fact]
    public async Task Another_model_is_not_found()
    {
        var (response, json) = await _site.PostAsync("/v1/images/generations", new { prompt = "a cat", model = "dall-e-3" });
        Assert.Equal((HttpStatusCode.NotFound, "model_not_found"), (response.StatusCode, json.GetProperty("error").GetProperty("code").GetString()));
        Assert.Contains("tiny-64", json.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, (await _site.Client.GetAsync("/v1/models/dall-e-3")).StatusCode);
        Assert.Contains("not_found", await (await _site.Client.GetAsync("/v1/chat/completions")).Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_that_is_too_large_or_of_another_type_is_refused()
    {
        var (large, json) = await _site.PostAsync("/v1/images/generations", new { prompt = new string('a', 20_000) });
        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "request_too_large"), (large.StatusCode, json.GetProperty("error").GetProperty("code").GetString()));
        var text = await _site.Client.PostAsync("/v1/images/generations", new StringContent("""{"prompt":"a cat"}"""));
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, text.StatusCode);
        var edit = await _site.PostAsync("/v1/images/edits", new { prompt = "a cat" });
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, edit.Response.StatusCode);
    }

    [Fact]
    public async Task A_stream_sends_rows_of_tokens_and_then_the_image()
    {
        using var content = new StringContent("""{"prompt":"a cat","seed":3,"candidates":2,"n":2,"stream":true,"partial_images":3}""", System.Text.Encoding.UTF8, "application/json");
        var response = await _site.Client.PostAsync("/v1/images/generations", content);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        var events = (await response.Content.ReadAsStringAsync()).Split('\n').Where(line => line.StartsWith("data: ", StringComparison.Ordinal))
            .Select(line => JsonDocument.Parse(line[6..]).RootElement).ToArray();
        var expected = _site.Model.GenerateBatch([.. GenerationRequest.Series("a cat", 3, 2)], new() { Candidates = 2 }).ToArray();
        for (var index = 0; index < 2; index++)
        {
            var own = events.Where(item => item.GetProperty("index").GetInt32() == index).ToArray();
            Assert.Equal(
                ["image_generation.partial_image", "image_generation.partial_image", "image_generation.partial_image", "image_generation.completed"],
                own.Select(item => item.GetProperty("type").GetString()));
            Assert.Equal([0, 1, 2], own[..3].Select(item => item.GetProperty("partial_image_index").GetInt32()));
            Assert.Equal(expected[index].Image.ToPng(), own[3].GetProperty("b64_json").GetBytesFromBase64());

            // The second shows half of the first candidate's tokens, the rest in grey.
            using var candidate = _site.Model.GenerateCandidates(new GenerationRequest("a cat", expected[index].Seed), new() { Candidates = 1 }).Single();
            using var grey = MLImage.CreateFromPixels(64, 64, MLPixelFormat.Bgra32, [.. Enumerable.Range(0, 64 * 64 * 4).Select(i => i % 4 == 3 ? (byte)255 : (byte)128)]);
            using var half = _site.Model.DecodeTokens([.. candidate.Tokens.Take(32), .. _site.Model.EncodeImage(grey).Skip(32)]);
            Assert.Equal(half.ToPng(), own[1].GetProperty("b64_json").GetBytesFromBase64());
        }
    }

    [Fact]
    public async Task The_older_demo_gets_its_list()
    {
        var (response, json) = await _site.PostAsync("/generate", new { text = "a cat", num_images = 2 });
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(2, json.EnumerateArray().Count(item => item.GetBytesFromBase64().AsSpan(1, 3).SequenceEqual("PNG"u8)));
        var (wrong, error) = await _site.PostAsync("/generate", new { text = "", num_images = 2 });
        Assert.Equal((HttpStatusCode.BadRequest, "text"), (wrong.StatusCode, error.GetProperty("error").GetProperty("param").GetString()));
    }

    [Fact]
    public async Task An_edit_says_what_is_wrong_with_its_files()
    {
        using var image = MLImage.CreateFromPixels(64, 64, MLPixelFormat.Bgra32, Enumerable.Repeat((byte)255, 64 * 64 * 4).ToArray());
        using var small = MLImage.CreateFromPixels(32, 32, MLPixelFormat.Bgra32, new byte[32 * 32 * 4]);
        Assert.Contains("Nothing is to be redrawn", await EditAsync(("image", image.ToPng())), StringComparison.Ordinal);
        Assert.Contains("of one size", await EditAsync(("image", image.ToPng()), ("mask", small.ToPng())), StringComparison.Ordinal);
        Assert.Contains("missing", await EditAsync(("mask", small.ToPng())), StringComparison.Ordinal);
        Assert.Contains("invalid_image", await EditAsync(("image", "not an image"u8.ToArray())), StringComparison.Ordinal);
        Assert.Contains("one image", await EditAsync(("image[]", image.ToPng()), ("image[]", image.ToPng())), StringComparison.Ordinal);
        Assert.Contains("unknown_parameter", await EditAsync(("image", image.ToPng()), ("picture", image.ToPng())), StringComparison.Ordinal);

        async Task<string> EditAsync(params (string Name, byte[] Data)[] files)
        {
            using var form = new MultipartFormDataContent { { new StringContent("a cat"), "prompt" } };
            foreach (var (name, data) in files)
                form.Add(new ByteArrayContent(data), name, name + ".png");
            var response = await _site.Client.PostAsync("/v1/images/edits", form);
            Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
            return await response.Content.ReadAsStringAsync();
        }
    }

    [Fact]
    public async Task Texts_and_images_are_embedded_as_the_library_does()
    {
        using var image = Pictures.Gradient(40, 30);
        var (_, json) = await _site.PostAsync("/v1/embeddings", new { input = new[] { "data:image/png;base64," + Convert.ToBase64String(image.ToPng()), "a cat" } });
        var data = json.GetProperty("data");
        Assert.Equal(_site.Model.EmbedImage(image), data[0].GetProperty("embedding").Deserialize<float[]>());
        Assert.Equal(_site.Model.EmbedText("a cat"), data[1].GetProperty("embedding").Deserialize<float[]>());
        foreach (var broken in new[] { "data:image/png,abc", "data:image/png;base64,!", "data:image/png;base64,AAAA" })
        {
            var (response, error) = await _site.PostAsync("/v1/embeddings", new { input = broken });
            Assert.Equal((HttpStatusCode.BadRequest, "invalid_image"), (response.StatusCode, error.GetProperty("error").GetProperty("code").GetString()));
        }
    }

    [Fact]
    public async Task Health_is_told()
    {
        Assert.Equal("Healthy", await _site.Client.GetStringAsync("/healthz"));
        Assert.Equal("Healthy", await _site.Client.GetStringAsync("/readyz"));
    }
}
