using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Dalle.ML.Cli.Tests;

/// <summary>The tool as a user's process.</summary>
internal sealed record Tool(int ExitCode, byte[] Bytes, string Errors)
{
    private const int SigInt = 2;

    public static string AssemblyPath => Path.Combine(
        AppContext.BaseDirectory, "..", "..", "Dalle.ML.Cli", Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)), "dalle.dll");

    /// <summary>The lines of standard output.</summary>
    public string[] Output => Encoding.UTF8.GetString(Bytes).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>The lines of standard output as JSON.</summary>
    public JsonElement[] Json => [.. Output.Select(line => JsonDocument.Parse(line).RootElement)];

    /// <summary>Runs the tool in a folder and waits for its end.</summary>
    public static Task<Tool> RunAsync(string folder, string[] arguments, string? input = null, IReadOnlyDictionary<string, string>? environment = null) =>
        RunAsync(folder, arguments, input is null ? null : Encoding.UTF8.GetBytes(input), environment);

    /// <summary>Runs the tool in a folder with bytes as its standard input, and waits for its end.</summary>
    public static async Task<Tool> RunAsync(string folder, string[] arguments, byte[]? input, IReadOnlyDictionary<string, string>? environment = null)
    {
        using var process = Start(folder, arguments, hasInput: input is not null, environment);
        if (input is not null)
        {
            await process.StandardInput.BaseStream.WriteAsync(input);
            process.StandardInput.Close();
        }
        return await FinishAsync(process);
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

    /// <summary>Interrupts the tool as Ctrl+C does, and waits for its end: two minutes are more than enough even on a busy machine.</summary>
    public static async Task<Tool> InterruptAsync(Process process)
    {
        using (var kill = Process.Start("kill", ["-INT", process.Id.ToString(CultureInfo.InvariantCulture)]))
            await kill.WaitForExitAsync();
        try
        {
            return await FinishAsync(process).WaitAsync(TimeSpan.FromMinutes(2));
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
