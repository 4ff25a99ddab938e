using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Dalle.ML.Server.Tests;

/// <summary>The same API over a model of DALL·E 2.</summary>
public sealed class DiffusionTests : IAsyncLifetime
{
    private const int Few = 3;

    private static readonly GenerationOptions FewSteps = new() { Candidates = 1, Diffusion = new() { PriorSteps = Few, DecoderSteps = Few, UpsamplerSteps = Few } };

    private Site _site = null!;

    public async ValueTask InitializeAsync() => _site = await Site.StartAsync(options => (options.Model, options.MaxSteps) = (TinyUnclip.Path, 2000));

    public ValueTask DisposeAsync() => _site.DisposeAsync();

    [Fact]
    public async Task A_prompt_gives_the_image_of_the_library()
    {
        var (_, json) = await _site.PostAsync("/v1/images/generations", new { prompt = "a cat", seed = 7, n = 2, steps = Few, prior_steps = Few, upsampler_steps = Few, candidates = 1 });
        using var expected = _site.Model.Generate("a cat", 7, FewSteps);
        Assert.Equal(expected.Image.ToPng(), json.GetProperty("data")[0].GetProperty("b64_json").GetBytesFromBase64());
        Assert.Equal($"{_site.Model.Info.ImageWidth}x{_site.Model.Info.ImageHeight}", json.GetProperty("size").GetString());
        Assert.Equal(2, json.GetProperty("data").GetArrayLength());
    }

    [Fact]
    public async Task Partial_images_show_the_image_as_it_is_expected()
    {
        var response = await _site.Client.PostAsync("/v1/images/generations", new StringContent(
            $$"""{"prompt":"a cat","seed":7,"steps":6,"prior_steps":{{Few}},"upsampler_steps":{{Few}},"candidates":1,"stream":true,"partial_images":3}""",
            System.Text.Encoding.UTF8, "application/json"));
        var events = (await response.Content.ReadAsStringAsync()).Split('\n').Where(line => line.StartsWith("data: {", StringComparison.Ordinal))
            .Select(line => JsonDocument.Parse(line[6..]).RootElement).ToArray();
        Assert.Equal(
            [.. Enumerable.Repeat("image_generation.partial_image", 3), "image_generation.completed"],
            events.Select(each => each.GetProperty("type").GetString()));
        var pictures = events.Select(each => each.GetProperty("b64_json").GetString()).ToArray();
        Assert.Equal(pictures.Length, pictures.Distinct().Count());
    }

    [Fact]
    public async Task Variations_follow_the_image_and_the_seed()
    {
        using var image = Pictures.Gradient(40, 30);
        using var form = Form(("image", image.ToPng()), ("seed", "5"), ("n", "2"), ("steps", $"{Few}"), ("upsampler_steps", $"{Few}"));
        var (response, json) = await PostAsync("/v1/images/variations", form);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        using var expected = _site.Model.Vary(image, 5, options: FewSteps with { Diffusion = FewSteps.Diffusion with { PriorSteps = null } });
        Assert.Equal(expected.Image.ToPng(), json.GetProperty("data")[0].GetProperty("b64_json").GetBytesFromBase64());

        var second = json.GetProperty("data")[1].GetProperty("seed").GetUInt64();
        using var again = _site.Model.Vary(image, second, options: FewSteps with { Diffusion = FewSteps.Diffusion with { PriorSteps = null } });
        Assert.Equal(again.Image.ToPng(), json.GetProperty("data")[1].GetProperty("b64_json").GetBytesFromBase64());

        using var near = Form(("image", image.ToPng()), ("seed", "5"), ("strength", "0.5"), ("steps", $"{Few}"), ("upsampler_steps", $"{Few}"));
        var (_, nearer) = await PostAsync("/v1/images/variations", near);
        Assert.NotEqual(json.GetProperty("data")[0].GetProperty("b64_json").GetString(), nearer.GetProperty("data")[0].GetProperty("b64_json").GetString());
    }

    [Fact]
    public async Task An_edit_paints_what_is_transparent()
    {
        using var image = Pictures.Gradient(32, 32);
        using var mask = Pictures.Mask(32, 32, (x, _) => x < 16);
        using var form = Form(("image", image.ToPng()), ("mask", mask.ToPng()), ("prompt", "a cat"), ("seed", "5"), ("prior_steps", $"{Few}"), ("steps", $"{Few}"), ("upsampler_steps", $"{Few}"), ("candidates", "1"));
        var (response, json) = await PostAsync("/v1/images/edits", form);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        using var expected = _site.Model.Inpaint("a cat", image, mask, 5, FewSteps);
        Assert.Equal(expected.Image.ToPng(), json.GetProperty("data")[0].GetProperty("b64_json").GetBytesFromBase64());

        using var whole = Form(("image", image.ToPng()), ("prompt", "a cat"));
        var (refused, error) = await PostAsync("/v1/images/edits", whole);
        Assert.Equal((HttpStatusCode.BadRequest, "mask"), (refused.StatusCode, error.GetProperty("error").GetProperty("param").GetString()));
    }

    [Theory]
    [InlineData("""{"prompt":"a cat","temperature":0.5}""", "for models that sample tokens")]
    [InlineData("""{"prompt":"a cat","steps":0}""", "1 to 2000")]
    [InlineData("""{"prompt":"a cat","strength":0.5}""", "for variations")]
    [InlineData("""{"prompt":"a cat","prior_guidance":1e39}""", "prior_guidance")]
    [InlineData("""{"prompt":"a cat","steps":2000}""", "steps must be between 1 and 1000")]
    public async Task What_cannot_be_is_told(string body, string part)
    {
        var (response, json) = await _site.PostAsync("/v1/images/generations", body);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains(part, json.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("prior_steps", "3")]
    [InlineData("prior_guidance", "2")]
    [InlineData("steps", "1001")]
    [InlineData("top_k", "5")]
    [InlineData("candidates", "2")]
    public async Task Fields_that_a_variation_cannot_honour_are_refused_by_name(string field, string value)
    {
        using var image = Pictures.Gradient(8, 8);
        using var form = Form(("image", image.ToPng()), (field, value));
        var (response, json) = await PostAsync("/v1/images/variations", form);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains(field, json.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_variation_takes_no_prompt()
    {
        using var image = Pictures.Gradient(8, 8);
        using var form = Form(("image", image.ToPng()), ("prompt", "a cat"));
        var (response, json) = await PostAsync("/v1/images/variations", form);
        Assert.Equal((HttpStatusCode.BadRequest, "prompt"), (response.StatusCode, json.GetProperty("error").GetProperty("param").GetString()));
    }

    [Fact]
    public async Task The_model_tells_what_it_can_do()
    {
        var json = JsonDocument.Parse(await _site.Client.GetStringAsync(new Uri("/v1/models/" + _site.Model.Info.Name, UriKind.Relative))).RootElement;
        Assert.True(json.GetProperty("can_vary").GetBoolean() && json.GetProperty("can_edit").GetBoolean());
        Assert.Equal(_site.Model.Info.Defaults.Diffusion.DecoderSteps, json.GetProperty("defaults").GetProperty("steps").GetInt32());
    }

    private static MultipartFormDataContent Form(params (string Name, object Value)[] fields)
    {
        var form = new MultipartFormDataContent();
        foreach (var (name, value) in fields)
        {
            if (value is byte[] file)
            {
                var content = new ByteArrayContent(file);
                content.Headers.ContentType = new MediaTypeHeaderValue("image/png");
                form.Add(content, name, name + ".png");
            }
            else
            {
                form.Add(new StringContent((string)value), name);
            }
        }
        return form;
    }

    private async Task<(HttpResponseMessage Response, JsonElement Json)> PostAsync(string path, MultipartFormDataContent form)
    {
        var response = await _site.Client.PostAsync(path, form);
        return (response, JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement);
    }
}
