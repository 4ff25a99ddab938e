using System.Diagnostics;
using System.Text.Json;
using Dalle.ML.PipelineHost;

namespace Dalle.ML.Tests;

/// <summary>Runs a saved pipeline in a fresh process that knows ML.NET only.</summary>
internal static class PipelineProcess
{
    /// <summary>A line for each row, with the values of the columns, see <see cref="ColumnText"/>.</summary>
    public static Task<string[]> RunAsync(
        string pipeline, IEnumerable<PipelineRow> rows, IEnumerable<string> columns, params (string Name, string? Value)[] environment) =>
        RunInAsync(Environment.CurrentDirectory, pipeline, rows, columns, environment);

    /// <summary>As <see cref="RunAsync"/>, in a folder.</summary>
    public static async Task<string[]> RunInAsync(
        string folder, string pipeline, IEnumerable<PipelineRow> rows, IEnumerable<string> columns, params (string Name, string? Value)[] environment)
    {
        // Projects' outputs lie side by side, one folder a configuration.
        var configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        var host = Path.Combine(AppContext.BaseDirectory, "..", "..", "Dalle.ML.PipelineHost", configuration, "Dalle.ML.PipelineHost.dll");
        using var temporary = new TemporaryFolder();
        var data = Path.Combine(temporary.Path, "rows.json");
        await File.WriteAllBytesAsync(data, JsonSerializer.SerializeToUtf8Bytes(rows));
        var start = new ProcessStartInfo("dotnet", [host, pipeline, data, .. columns]) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
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
