using System.Diagnostics;
using System.Text.Json;
using Dalle.ML.PipelineHost;
using Microsoft.ML;

namespace Dalle.ML.Tests;

/// <summary>Runs a saved pipeline in a fresh process.</summary>
internal static class PipelineProcess
{
    /// <summary>Where the host was built: projects' outputs lie side by side, one folder a configuration.</summary>
    public static string HostFolder { get; } = Path.Combine(
        AppContext.BaseDirectory, "..", "..", "Dalle.ML.PipelineHost", Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)));

    /// <summary>
    /// Loads it as ML.NET does, in a process that knows ML.NET only. The result has a line for each row, with the values of the columns, see
    /// <see cref="ColumnText"/>.
    /// </summary>
    public static Task<string[]> RunAsync(
        string pipeline, IEnumerable<PipelineRow> rows, IEnumerable<string> columns, params (string Name, string? Value)[] environment) =>
        RunInAsync(Environment.CurrentDirectory, pipeline, rows, columns, environment);

    /// <summary>As <see cref="RunAsync"/>, in a folder.</summary>
    public static async Task<string[]> RunInAsync(
        string folder, string pipeline, IEnumerable<PipelineRow> rows, IEnumerable<string> columns, params (string Name, string? Value)[] environment) =>
        LinesOf(await StartAsync(HostFolder, folder, nameof(ModelOperationsCatalog.Load), pipeline, rows, columns, environment));

    /// <summary>As <see cref="RunAsync"/>, with the components restored.</summary>
    public static async Task<string[]> RunWithDalleAsync(string pipeline, IEnumerable<PipelineRow> rows, IEnumerable<string> columns) =>
        LinesOf(await StartAsync(HostFolder, Environment.CurrentDirectory, nameof(DalleCatalog.LoadDalle), pipeline, rows, columns));

    /// <summary>Runs a host to its end, which may be an error.</summary>
    public static async Task<(int ExitCode, string Output, string Errors)> StartAsync(
        string hostFolder, string folder, string load, string pipeline, IEnumerable<PipelineRow> rows, IEnumerable<string> columns,
        params (string Name, string? Value)[] environment)
    {
        using var temporary = new TemporaryFolder();
        var data = Path.Combine(temporary.Path, "rows.json");
        await File.WriteAllBytesAsync(data, JsonSerializer.SerializeToUtf8Bytes(rows));
        var host = Path.Combine(hostFolder, "Dalle.ML.PipelineHost.dll");
        var start = new ProcessStartInfo("dotnet", [host, load, pipeline, data, .. columns]) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output, await errors);
    }

    private static string[] LinesOf((int ExitCode, string Output, string Errors) run)
    {
        Assert.True(run.ExitCode == 0, run.Errors);
        return run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
    }
}
