using System.Net;
using System.Text.Json;
using Dalle.ML.Server.Scheduling;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.ML.Data;
using ModelContextProtocol;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;

namespace Dalle.ML.Server.Tests;

/// <summary>The tools for agents, over HTTP, by the client of the protocol's own SDK.</summary>
public sealed class McpTests : IAsyncLifetime
{
    private Site _site = null!;
    private McpClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _site = await Site.StartAsync();
        _client = await ConnectAsync(_site);
    }

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        await _site.DisposeAsync();
    }

    [Fact]
    public async Task An_agent_is_told_what_the_tools_take()
    {
        var tools = await _client.ListToolsAsync();
        Assert.Equal(["describe_model", "edit_image", "generate_image"], tools.Select(tool => tool.Name).Order());
        Assert.All(tools, tool => Assert.True(tool.ProtocolTool.Annotations!.ReadOnlyHint));
        Assert.All(tools, tool => Assert.NotEmpty(tool.Title!));
        var schema = tools.Single(tool => tool.Name == "generate_image").JsonSchema;
        var properties = schema.GetProperty("properties");
        Assert.Equal("prompt", schema.GetProperty("required")[0].GetString());
        Assert.Equal(10, properties.GetProperty("n").GetProperty("maximum").GetInt32());
        Assert.Equal("64x64", properties.GetProperty("size").GetProperty("enum")[0].GetString());
        Assert.True(properties.TryGetProperty("temperature", out _));
        Assert.False(properties.TryGetProperty("steps", out _));
        Assert.Contains("tiny-64", _client.ServerInstructions, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Images_are_those_of_the_library_with_seed_score_and_warnings()
    {
        var prompt = string.Join(' ', Enumerable.Repeat("apple", 40));
        var result = await CallAsync("generate_image", new() { ["prompt"] = prompt, ["seed"] = ulong.MaxValue.ToString(), ["n"] = 2, ["candidates"] = 2 });
        var expected = _site.Model.GenerateBatch([.. GenerationRequest.Series(prompt, ulong.MaxValue, 2)], new() { Candidates = 2 }).ToArray();
        Assert.Equal(expected.Select(image => image.Image.ToPng()), Images(result));
        var told = result.StructuredContent!.Value;
        Assert.Equal(expected.Select(image => image.Seed.ToString()), told.GetProperty("images").EnumerateArray().Select(image => image.GetProperty("seed").GetString()));
        Assert.Equal(expected[0].Score, told.GetProperty("images")[0].GetProperty("score").GetSingle());
        Assert.Contains("were cut", told.GetProperty("warnings")[0].GetString(), StringComparison.Ordinal);

        // For agents that read text alone.
        Assert.Equal(told.GetRawText(), result.Content.OfType<TextContentBlock>().Single().Text);

        // A number is taken as well.
        var again = await CallAsync("generate_image", new() { ["prompt"] = "a cat", ["seed"] = 7 });
        Assert.Equal(_site.Model.Generate("a cat", 7).Image.ToPng(), Images(again).Single());
    }

    [Fact]
    public async Task The_model_is_described()
    {
        var told = (await CallAsync("describe_model", [])).StructuredContent!.Value;
        Assert.Equal(("tiny-64", "64x64"), (told.GetProperty("id").GetString(), told.GetProperty("sizes")[0].GetString()));
        Assert.Equal(10, told.GetProperty("max_n").GetInt32());
    }

    [Fact]
    public async Task A_mask_a_region_to_redraw_and_one_to_keep_say_the_same()
    {
        using var image = _site.Model.Generate("a dog", 1, new() { Candidates = 1 });
        var file = Convert.ToBase64String(image.Image.ToPng());
        using var maskImage = MLImage.CreateFromPixels(64, 64, MLPixelFormat.Bgra32, [.. Enumerable.Range(0, 64 * 64).SelectMany(i => new byte[] { 0, 0, 0, i / 64 < 32 ? (byte)255 : (byte)0 })]);
        var mask = "data:image/png;base64," + Convert.ToBase64String(maskImage.ToPng());
        var byMask = await EditAsync("mask", mask);
        Assert.Equal(byMask, await EditAsync("redraw", new { x = 0, y = 32, width = 64, height = 32 }));
        Assert.Equal(byMask, await EditAsync("keep", new { x = 0, y = 0, width = 64, height = 32 }));
        Assert.NotEqual(byMask, await EditAsync("keep", new { x = 0, y = 32, width = 64, height = 32 }));

        async Task<byte[]> EditAsync(string name, object part) =>
            Images(await CallAsync("edit_image", new() { ["image"] = file, ["prompt"] = "a cat", ["seed"] = 4, ["candidates"] = 1, [name] = part })).Single();
    }

    [Theory]
    [InlineData("generate_image", """{}""", "'prompt' is missing")]
    [InlineData("generate_image", """{"prompt":"a cat","n":11}""", "1 to 10")]
    [InlineData("generate_image", """{"prompt":"a cat","n":"two"}""", "'n'")]
    [InlineData("generate_image", """{"prompt":"a cat","size":"1024x1024"}""", "64x64")]
    [InlineData("generate_image", """{"prompt":"a cat","colour":"red"}""", "'colour' is not known")]
    [InlineData("generate_image", """{"prompt":"a cat","seed":-1}""", "'seed'")]
    [InlineData("generate_image", """{"prompt":"a cat","temperature":-1}""", "0 or more")]
    [InlineData("generate_image", """{"prompt":"a cat","steps":5}""", "diffusion")]
    [InlineData("edit_image", """{"prompt":"a cat"}""", "'image' is missing")]
    [InlineData("edit_image", """{"prompt":"a cat","image":"/etc/passwd"}""", "paths and addresses are not read")]
    [InlineData("edit_image", """{"prompt":"a cat","image":"file:///etc/passwd"}""", "paths and addresses are not read")]
    [InlineData("edit_image", """{"prompt":"a cat","image":""}""", "not base64")]
    [InlineData("edit_image", """{"prompt":"a cat","image":"AAAA"}""", "image")]
    [InlineData("edit_image", """{"prompt":"a cat","image":"AAAA","redraw":{"x":0}}""", "redraw")]
    [InlineData("edit_image", """{"prompt":"a cat","image":"AAAA","mask":"AAAA","keep":{"x":0,"y":0,"width":1,"height":1}}""", "not several")]
    [InlineData("describe_model", """{"name":"x"}""", "'name' is not known")]
    public async Task What_is_wrong_is_the_result_in_plain_words(string tool, string arguments, string message)
    {
        var result = await CallAsync(tool, JsonSerializer.Deserialize<Dictionary<string, object?>>(arguments)!, isError: true);
        Assert.Contains(message, result.Content.OfType<TextContentBlock>().Single().Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_region_outside_the_image_and_an_unknown_tool_are_told()
    {
        using var image = _site.Model.Generate("a dog", 1, new() { Candidates = 1 });
        var result = await CallAsync(
            "edit_image", new() { ["image"] = Convert.ToBase64String(image.Image.ToPng()), ["prompt"] = "a cat", ["redraw"] = new { x = 60, y = 0, width = 5, height = 64 } }, isError: true);
        Assert.Contains("not within the image of 64 × 64", result.Content.OfType<TextContentBlock>().Single().Text, StringComparison.Ordinal);
        await Assert.ThrowsAsync<McpProtocolException>(async () => await CallAsync("delete_image", []));
    }

    /// <summary>As the server sends it: the client of the SDK hands reports on in any order.</summary>
    [Fact]
    public async Task Progress_counts_tokens_up_to_all_and_ends_before_the_answer()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/mcp")
        {
            Content = new StringContent(
                """{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"generate_image","arguments":{"prompt":"a cat","n":2,"candidates":2},"_meta":{"progressToken":"mine"}}}""",
                System.Text.Encoding.UTF8, "application/json"),
        };
        request.Headers.Accept.ParseAdd("application/json, text/event-stream");
        request.Headers.Add("MCP-Protocol-Version", "2025-06-18");
        var text = await (await _site.Client.SendAsync(request)).Content.ReadAsStringAsync();
        var messages = text.Split('\n').Where(line => line.StartsWith("data: ", StringComparison.Ordinal)).Select(line => JsonDocument.Parse(line[6..]).RootElement).ToArray();
        Assert.True(messages[^1].TryGetProperty("result", out var result), text);
        Assert.Equal(3, result.GetProperty("content").GetArrayLength());
        var reports = messages[..^1].Select(message => message.GetProperty("params")).ToArray();
        Assert.NotEmpty(reports);
        Assert.All(reports, report => Assert.Equal(("mine", 2 * 2 * 64), (report.GetProperty("progressToken").GetString(), report.GetProperty("total").GetInt32())));
        var values = reports.Select(report => report.GetProperty("progress").GetInt32()).ToArray();
        Assert.Equal(values.Distinct().Order(), values);
        Assert.Equal(2 * 2 * 64, values[^1]);
        Assert.Contains("tokens", reports[0].GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_call_that_is_cancelled_leaves_the_queue()
    {
        using var gate = new Gate();
        await using var site = await Site.StartAsync(services: gate.Register);
        await using var client = await ConnectAsync(site);
        using var cancelling = new CancellationTokenSource();
        var call = client.CallToolAsync("generate_image", new Dictionary<string, object?> { ["prompt"] = "a cat" }, cancellationToken: cancelling.Token).AsTask();
        await gate.ArrivalAsync();
        await cancelling.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        gate.Open();
        var scheduler = site.App.Services.GetRequiredService<BatchScheduler>();
        while (scheduler.Pending > 0)
            await Task.Delay(5);
    }

    [Fact]
    public async Task A_full_queue_is_told_and_agents_share_batches_with_the_other_clients()
    {
        using var gate = new Gate();
        await using var site = await Site.StartAsync(options => (options.MaxPendingImages, options.MaxImagesPerRequest) = (3, 3), gate.Register);
        await using var client = await ConnectAsync(site);
        var first = site.PostAsync("/v1/images/generations", new { prompt = "a cat", candidates = 1 });
        await gate.ArrivalAsync();
        var call = client.CallToolAsync("generate_image", new Dictionary<string, object?> { ["prompt"] = "a cat", ["candidates"] = 1 }).AsTask();
        var other = site.PostAsync("/v1/images/generations", new { prompt = "a cat", candidates = 1 });
        var scheduler = site.App.Services.GetRequiredService<BatchScheduler>();
        while (scheduler.Pending < 3)
            await Task.Delay(5);
        var refused = await client.CallToolAsync("generate_image", new Dictionary<string, object?> { ["prompt"] = "a cat" });
        Assert.True(refused.IsError);
        Assert.Contains("Try again in", refused.Content.OfType<TextContentBlock>().Single().Text, StringComparison.Ordinal);
        gate.Open();
        await Task.WhenAll(first, other, call);
        Assert.Equal([1, 2], gate.Batches.Select(batch => batch.Length));
    }

    [Fact]
    public async Task Key_origin_and_size_are_checked_as_everywhere()
    {
        await using var site = await Site.StartAsync(options =>
        {
            options.ApiKeys.Add("right");
            options.MaxUploadBytes = 50_000;
        });
        const string Initialize = """{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}""";
        Assert.Equal(HttpStatusCode.Unauthorized, await PostAsync(Initialize, key: "wrong"));
        Assert.Equal(HttpStatusCode.Forbidden, await PostAsync(Initialize, origin: "https://evil.example"));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, await PostAsync(Initialize + new string(' ', 60_000)));
        Assert.Equal(HttpStatusCode.OK, await PostAsync(Initialize));
        await using var client = await ConnectAsync(site, "right");
        Assert.NotEmpty(await client.ListToolsAsync());

        async Task<HttpStatusCode> PostAsync(string body, string key = "right", string? origin = null)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/mcp") { Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json") };
            request.Headers.Authorization = new("Bearer", key);
            request.Headers.Accept.ParseAdd("application/json, text/event-stream");
            request.Headers.TryAddWithoutValidation("Origin", origin);
            return (await site.Client.SendAsync(request)).StatusCode;
        }
    }

    private static Task<McpClient> ConnectAsync(Site site, string? key = null) => McpClient.CreateAsync(new HttpClientTransport(new HttpClientTransportOptions
    {
        Endpoint = new Uri(site.Address, "/mcp"),
        AdditionalHeaders = key is null ? null : new Dictionary<string, string> { ["Authorization"] = $"Bearer {key}" },
    }));

    private async Task<CallToolResult> CallAsync(string tool, Dictionary<string, object?> arguments, bool isError = false)
    {
        var result = await _client.CallToolAsync(tool, arguments);
        Assert.True((result.IsError ?? false) == isError, JsonSerializer.Serialize(result.Content.OfType<TextContentBlock>()));
        return result;
    }

    private static IEnumerable<byte[]> Images(CallToolResult result) => result.Content.OfType<ImageContentBlock>().Select(image => image.DecodedData.ToArray());
}
