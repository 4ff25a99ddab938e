using System.Text;
using System.Text.Json;

namespace Dalle.ML.Cli.Tests;

/// <summary>What a run of the tool gave. The tool runs in this process, in a folder and with streams of the test.</summary>
internal sealed record Tool(int ExitCode, byte[] Bytes, string Errors)
{
    /// <summary>The lines of standard output.</summary>
    public string[] Output => Encoding.UTF8.GetString(Bytes).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>The lines of standard output as JSON.</summary>
    public JsonElement[] Json => [.. Output.Select(line => JsonDocument.Parse(line).RootElement)];

    /// <summary>Runs the tool in a folder and waits for its end.</summary>
    public static Task<Tool> RunAsync(string folder, string[] arguments, string input, IReadOnlyDictionary<string, string>? environment = null) =>
        RunAsync(folder, arguments, Encoding.UTF8.GetBytes(input), environment);

    /// <summary>Runs the tool in a folder, with bytes as its standard input if there are some, and waits for its end.</summary>
    public static async Task<Tool> RunAsync(
        string folder, string[] arguments, byte[]? input = null, IReadOnlyDictionary<string, string>? environment = null, TimeProvider? clock = null)
    {
        var bytes = new MemoryStream(input ?? []);
        var (output, errors) = (new MemoryStream(), new StringWriter { NewLine = "\n" });
        var console = new ToolConsole
        {
            Output = TextWriter.Synchronized(new StreamWriter(output, new UTF8Encoding(false)) { AutoFlush = true, NewLine = "\n" }),
            Error = TextWriter.Synchronized(errors),
            OpenInput = () => bytes,
            OpenOutput = () => output,
            IsInputTerminal = input is null,
            WorkingFolder = folder,
            Variable = name => environment?.GetValueOrDefault(name),
            Clock = clock ?? TimeProvider.System,
            // Signals are the test runner's.
            ProcessTerminationTimeout = null,
            EnableDefaultExceptionHandler = false,
        };
        var exitCode = await CommandLine.RunAsync(arguments, console);
        return new Tool(exitCode, output.ToArray(), errors.ToString());
    }
}
