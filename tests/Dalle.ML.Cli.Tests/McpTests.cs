using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;

namespace Dalle.ML.Cli.Tests;

/// <summary>The tool as an agent starts it.</summary>
public sealed class McpTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task An_agent_starts_the_tool_and_gets_the_images_of_the_library()
    {
        var log = new StringBuilder();
        await using (var client = await McpClient.CreateAsync(new StdioClientTransport(new StdioClientTransportOptions
        {
            Command = "dotnet",
            Arguments = [ToolProcess.AssemblyPath, "mcp", "-m", TinyModel.Path],
            WorkingDirectory = _folder.Path,
            StandardErrorLines = line => log.AppendLine(line),
        })))
        {
            Assert.Equal(3, (await client.ListToolsAsync()).Count);
            var result = await client.CallToolAsync("generate_image", new Dictionary<string, object?> { ["prompt"] = "a cät", ["seed"] = "3" });
            using var model = TinyModel.Load();
            using var expected = model.Generate("a cät", 3);
            Assert.Equal(expected.Image.ToPng(), result.Content.OfType<ImageContentBlock>().Single().DecodedData.ToArray());
            var wrong = await client.CallToolAsync("generate_image", new Dictionary<string, object?> { ["prompt"] = "" });
            Assert.True(wrong.IsError);
        }
        Assert.Contains("were requested", log.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("a cät", log.ToString(), StringComparison.Ordinal);
    }

    /// <summary>The configurations that docs/mcp.md tells agents to take.</summary>
    [Fact]
    public async Task The_configurations_of_the_documentation_connect()
    {
        var page = File.ReadAllText(Path.Combine(Repository.Root, "docs/mcp.md"));
        var blocks = Regex.Matches(page, "^```json\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)
            .Select(block => JsonDocument.Parse(block.Groups[1].Value).RootElement.GetProperty("mcpServers").GetProperty("dalle")).ToArray();
        Assert.Equal(2, blocks.Length);
        var (started, running) = (blocks[0], blocks[1]);
        Assert.Equal("dalle", started.GetProperty("command").GetString());
        await AssertToolsAsync(new StdioClientTransport(new StdioClientTransportOptions
        {
            Command = "dotnet",
            Arguments = [ToolProcess.AssemblyPath, .. started.GetProperty("args").EnumerateArray().Select(word => word.GetString()!)],
            WorkingDirectory = _folder.Path,
        }));

        var address = new UriBuilder(running.GetProperty("url").GetString()!);
        var key = running.GetProperty("headers").GetProperty("Authorization").GetString()!.Split(' ')[1];
        using var server = ToolProcess.Start(_folder.Path, ["serve", "--port", "0", "--json"], hasInput: true, new Dictionary<string, string> { ["DALLE_API_KEY"] = key });
        try
        {
            address.Port = new Uri(JsonDocument.Parse((await server.StandardOutput.ReadLineAsync())!).RootElement.GetProperty("url").GetString()!).Port;
            await AssertToolsAsync(new HttpClientTransport(new HttpClientTransportOptions
            {
                Endpoint = address.Uri,
                AdditionalHeaders = running.GetProperty("headers").EnumerateObject().ToDictionary(header => header.Name, header => header.Value.GetString()!),
            }));
        }
        finally
        {
            server.Kill(entireProcessTree: true);
        }

        async Task AssertToolsAsync(IClientTransport transport)
        {
            await using var client = await McpClient.CreateAsync(transport);
            var names = (await client.ListToolsAsync()).Select(tool => tool.Name).Order().ToArray();
            Assert.Equal(["describe_model", "edit_image", "generate_image"], names);
            Assert.All(names, name => Assert.Contains($"| `{name}` |", page, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task It_ends_with_its_input_and_says_what_it_cannot_load()
    {
        var ended = await ToolProcess.RunAsync(_folder.Path, ["mcp", "-m", TinyModel.Path, "-q"], input: []);
        Assert.Equal((0, ""), (ended.ExitCode, string.Concat(ended.Output)));
        var missing = await ToolProcess.RunAsync(_folder.Path, ["mcp", "-m", "nothing-here"], input: []);
        Assert.Equal(1, missing.ExitCode);
        Assert.Contains("nothing-here", missing.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", missing.Errors, StringComparison.Ordinal);
    }
}
