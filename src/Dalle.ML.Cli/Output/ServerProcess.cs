using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Dalle.ML.Cli;

/// <summary>Runs <c>dalle-serve</c>, which lies beside the tool, and stops it with the tool.</summary>
internal static class ServerProcess
{
    // What the host of .NET ends with if a framework that a program names is not installed.
    private const int FrameworkMissingOnUnix = 150;
    private const int FrameworkMissing = unchecked((int)0x80008096);

    public static async Task<int> RunAsync(
        ToolConsole console, IEnumerable<string> arguments, IEnumerable<KeyValuePair<string, string>> variables, CancellationToken cancellationToken)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "dalle-serve.dll");
        if (!File.Exists(program))
            throw new IOException($"'{program}' is missing. Install the tool again.");
        var start = new ProcessStartInfo(DotnetPath(), [program, .. arguments])
        {
            WorkingDirectory = console.WorkingFolder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in variables)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var output = CopyAsync(process.StandardOutput, console.Output);
        var errors = CopyAsync(process.StandardError, console.Error);

        // The end of its input stops the server: on every system alike, and also when the tool is killed.
        await using (cancellationToken.Register(process.StandardInput.Close))
            await process.WaitForExitAsync(CancellationToken.None);
        await Task.WhenAll(output, errors);
        if (process.ExitCode is FrameworkMissing or FrameworkMissingOnUnix)
        {
            throw new NotSupportedException(
                "'dalle serve' needs the ASP.NET Core runtime 10.0, which is not installed beside .NET. Install it (package aspnetcore-runtime-10.0, or from https://dot.net); the other commands do without.");
        }
        return process.ExitCode;
    }

    /// <summary>The program <c>dotnet</c> that runs this process, or whose runtime this process uses.</summary>
    private static string DotnetPath()
    {
        var name = OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet";
        if (Environment.ProcessPath is { } path && Path.GetFileName(path) == name)
            return path;

        // …/dotnet/shared/Microsoft.NETCore.App/10.0.0/
        var beside = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", name));
        return File.Exists(beside) ? beside : name;
    }

    private static async Task CopyAsync(TextReader from, TextWriter to)
    {
        while (await from.ReadLineAsync() is { } line)
            await to.WriteLineAsync(line);
    }
}
