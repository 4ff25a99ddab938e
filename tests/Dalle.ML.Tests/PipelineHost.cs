using System.Diagnostics;

namespace Dalle.ML.Tests;

/// <summary>Runs a saved pipeline in a fresh process that knows ML.NET only.</summary>
internal static class PipelineHost
{
    /// <summary>A line for each prompt: hash of the picture, seed, score.</summary>
    public static async Task<string[]> RunAsync(string pipeline, IEnumerable<string> prompts, params (string Name, string? Value)[] environment)
    {
        // Projects' outputs lie side by side, one folder a configuration.
        var configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        var host = Path.Combine(AppContext.BaseDirectory, "..", "..", "Dalle.ML.PipelineHost", configuration, "Dalle.ML.PipelineHost.dll");
        var start = new ProcessStartInfo("dotnet", [host, pipeline, .. prompts]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, await errors);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
    }
}
