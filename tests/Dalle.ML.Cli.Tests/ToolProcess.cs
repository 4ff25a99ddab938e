using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Dalle.ML.Cli.Tests;

/// <summary>The tool as a user's process, for tests of what only a process has: signals, kills, pipes, a terminal, Slurm.</summary>
internal static class ToolProcess
{
    private const int SigInt = 2;

    // Of who waits for the tool, on a machine that may be busy with others.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    public static string AssemblyPath => Path.Combine(
        AppContext.BaseDirectory, "..", "..", "Dalle.ML.Cli", Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)), "dalle.dll");

    /// <summary>Runs the tool in a folder, with bytes as its standard input if there are some, and waits for its end.</summary>
    public static async Task<Tool> RunAsync(string folder, string[] arguments, byte[]? input = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        using var process = Start(folder, arguments, hasInput: input is not null, environment);
        if (input is not null)
        {
            await process.StandardInput.BaseStream.WriteAsync(input);
            process.StandardInput.Close();
        }
        return await FinishAsync(process);
    }

    /// <summary>Runs the tool from a shell, which redirects its streams as it is told.</summary>
    public static async Task<Tool> RunInShellAsync(string folder, string redirection, params string[] arguments)
    {
        var start = new ProcessStartInfo("sh", ["-c", $"exec dotnet \"$@\" {redirection}", "sh", AssemblyPath, .. arguments])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.Latin1,
        };
        using var process = Process.Start(start)!;
        return await FinishAsync(process).WaitAsync(Patience);
    }

    public static Process Start(string folder, string[] arguments, bool hasInput = false, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo("dotnet", [AssemblyPath, .. arguments])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = hasInput,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // A byte a character: whoever reads from the process before it ends still leaves all bytes to the rest.
            StandardOutputEncoding = Encoding.Latin1,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    /// <summary>Skips a test that sends a signal where there is none, or where it is ignored: a shell's background jobs hand that down.</summary>
    public static void SkipUnlessInterruptible()
    {
        const string Status = "/proc/self/status";
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signal to send to one process.");
        if (!File.Exists(Status))
            return;
        var ignored = File.ReadLines(Status).Single(line => line.StartsWith("SigIgn:", StringComparison.Ordinal)).Split('\t')[1];
        var isIgnored = (ulong.Parse(ignored, NumberStyles.HexNumber, CultureInfo.InvariantCulture) & (1ul << (SigInt - 1))) != 0;
        Assert.SkipWhen(isIgnored, "SIGINT is ignored here; run the tests in the foreground.");
    }

    /// <summary>Interrupts the tool as Ctrl+C does, and waits for its end.</summary>
    public static async Task<Tool> InterruptAsync(Process process)
    {
        using (var kill = Process.Start("kill", ["-INT", process.Id.ToString(CultureInfo.InvariantCulture)]))
            await kill.WaitForExitAsync();
        try
        {
            return await FinishAsync(process).WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    public static async Task<Tool> FinishAsync(Process process)
    {
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new Tool(process.ExitCode, Encoding.Latin1.GetBytes(output), await errors);
    }
}
