using System.Diagnostics;

namespace Dalle.ML.Cli.Tests;

public sealed class PackTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_packed_tool_is_installed_from_a_folder_and_draws()
    {
        var (packages, tools) = (In("packed"), In("tools"));
        var configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        await RunAsync("dotnet", "pack", Path.Combine(Repository.Root, "src", "Dalle.ML.Cli"), "-c", configuration, "--no-build", "-o", packages);

        await RunAsync("dotnet", "tool", "install", "Dalle.ML.Cli", "--tool-path", tools, "--source", packages);
        var output = await RunAsync(Path.Combine(tools, OperatingSystem.IsWindows() ? "dalle.exe" : "dalle"), "generate", "a cat", "--seed", "3", "-o", "out");
        var path = Assert.Single(output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));

        var here = await Tool.RunAsync(_folder.Path, ["generate", "a cat", "--seed", "3", "-o", "here"]);
        Assert.Equal(File.ReadAllBytes(here.Output[0]), File.ReadAllBytes(path));
    }

    private string In(string name) => Path.Combine(_folder.Path, name);

    private async Task<string> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = _folder.Path, RedirectStandardOutput = true, RedirectStandardError = true };
        // A folder of packages of its own, so that the machine's is not left with the test's.
        if (arguments is ["tool", ..])
            start.Environment["NUGET_PACKAGES"] = In("packages");
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, output + await errors);
        return output;
    }
}
