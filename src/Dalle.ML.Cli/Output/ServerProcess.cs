using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Dalle.ML.Cli;

/// <summary>Runs <c>dalle-serve</c>, which lies beside the tool, and stops it with the tool.</summary>
internal static class ServerProcess
{
    private const int BufferSize = 1 << 16;

    // What the host of .NET ends with if a framework that a program names is not installed.
    private const int FrameworkMissingOnUnix = 150;
    private const int FrameworkMissing = unchecked((int)0x80008096);

    /// <param name="console">The tool's streams and folder.</param>
    /// <param name="settings">Settings of the program; those without a value are left out.</param>
    /// <param name="variables">Its environment variables.</param>
    /// <param name="carriesStreams">Whether standard input and output are the program's, byte for byte.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>Its exit code.</returns>
    public static async Task<int> RunAsync(
        ToolConsole console, IEnumerable<KeyValuePair<string, string?>> settings, IEnumerable<KeyValuePair<string, string>> variables, bool carriesStreams,
        CancellationToken cancellationToken)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "dalle-serve.dll");
        if (!File.Exists(program))
            throw new IOException($"'{program}' is missing. Install the tool again.");
        var arguments = settings.Where(setting => setting.Value is not null).Select(setting => $"--{setting.Key}={setting.Value}");
        var start = new ProcessStartInfo(DotnetPath(), [program, .. arguments])
        {
            WorkingDirectory = console.WorkingFolder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in variables)
            start.Environment[name] = value;
        await using var input = carriesStreams ? console.OpenInput() : null;
        using var process = Process.Start(start)!;
        if (input is not null)
            _ = Task.Run(() => CarryInputAsync(input, process), CancellationToken.None);
        var output = carriesStreams ? CarryAsync(process.StandardOutput.BaseStream, console.OpenOutput()) : CopyAsync(process.StandardOutput, console.Output);
        var errors = CopyAsync(process.StandardError, console.Error);

        // The end of its input stops the server: on every system alike, and also when the tool is killed.
        await using (cancellationToken.Register(process.StandardInput.Close))
            await process.WaitForExitAsync(CancellationToken.None);
        await Task.WhenAll(output, errors);
        if (process.ExitCode is FrameworkMissing or FrameworkMissingOnUnix)
        {
            throw new NotSupportedException(
                "The server needs the ASP.NET Core runtime 10.0, which is not installed beside .NET. Install it (package aspnetcore-runtime-10.0, or from https://dot.net); the other commands do without.");
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

    /// <summary>Copies until one side ends. A read that waits for the user ends with the tool.</summary>
    private static async Task CarryInputAsync(Stream from, Process process)
    {
        try
        {
            await CarryAsync(from, process.StandardInput.BaseStream);
            process.StandardInput.Close();
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // The program has ended, or was told to.
        }
    }

    /// <summary>Passes on what comes at once, and not when a buffer is full.</summary>
    private static async Task CarryAsync(Stream from, Stream to)
    {
        var buffer = new byte[BufferSize];
        while (await from.ReadAsync(buffer) is > 0 and var count)
        {
            await to.WriteAsync(buffer.AsMemory(0, count));
            await to.FlushAsync();
        }
    }

    private static async Task CopyAsync(TextReader from, TextWriter to)
    {
        while (await from.ReadLineAsync() is { } line)
            await to.WriteLineAsync(line);
    }
}
