using System.Diagnostics;

namespace Dalle.ML.Docs.Tests;

/// <summary>The calls of curl in docs/server.md, against the server that the page is about.</summary>
public sealed class ServerPageTests : IDisposable
{
    private const string Address = "http://localhost:5000";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Its_calls_of_curl_are_answered_with_images()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/curl"), "The test needs curl.");
        var calls = new Page("docs/server.md").Blocks().Where(block => block.Language == "bash" && block.Text.StartsWith("curl", StringComparison.Ordinal))
            .SelectMany(block => block.Text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries)).ToArray();
        Assert.Equal(3, calls.Length);

        var configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        var tool = Path.Combine(AppContext.BaseDirectory, "..", "..", "Dalle.ML.Cli", configuration, "dalle.dll");
        using var server = Start("dotnet", tool, "serve", "--port", "0", "-q");
        var errors = server.StandardError.ReadToEndAsync();
        try
        {
            var address = await server.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException(await errors);
            foreach (var call in calls)
            {
                Assert.Contains(Address, call, StringComparison.Ordinal);
                using var curl = Start("bash", "-c", call.Replace("curl -s", "curl -sS --fail-with-body", StringComparison.Ordinal).Replace(Address, address, StringComparison.Ordinal));
                var problem = curl.StandardError.ReadToEndAsync();
                var output = await curl.StandardOutput.ReadToEndAsync();
                await curl.WaitForExitAsync();
                Assert.True(curl.ExitCode == 0, call + output + await problem);

                // PNG or JPEG in base64.
                Assert.Matches("iVBORw0KGgo|/9j/", output);
            }
        }
        finally
        {
            // The server ends with its input, and with the tool.
            server.Kill();
            await server.WaitForExitAsync();
        }
    }

    private Process Start(string program, params string[] arguments) => Process.Start(new ProcessStartInfo(program, arguments)
    {
        WorkingDirectory = _folder.FullName,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;
}
