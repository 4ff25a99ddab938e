using System.Text;
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
