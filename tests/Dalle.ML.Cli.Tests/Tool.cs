using System.Diagnostics;

namespace Dalle.ML.Cli.Tests;

/// <summary>The tool as a user's process.</summary>
internal sealed record Tool(int ExitCode, string[] Output, string Errors)
{
    private static string ToolPath => Path.Combine(
        AppContext.BaseDirectory, "..", "..", "Dalle.ML.Cli", Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)), "dalle.dll");

    /// <summary>Runs the tool in a folder and waits for its end.</summary>
    public static async Task<Tool> RunAsync(string folder, string[] arguments, string? input = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        using var process = Start(folder, arguments, hasInput: input is not null, environment);
        if (input is not null)
        {
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
        }
        return await FinishAsync(process);
    }

    public static Process Start(string folder, string[] arguments, bool hasInput = false, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo("dotnet", [ToolPath, .. arguments])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = hasInput,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    public static async Task<Tool> FinishAsync(Process process)
    {
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new Tool(process.ExitCode, output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries), await errors);
    }
}
