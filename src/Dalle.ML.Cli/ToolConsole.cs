using System.CommandLine;

namespace Dalle.ML.Cli;

/// <summary>
/// Streams, working folder, environment and clock of a command. Commands use no other state of the process, so that several can run in one.
/// </summary>
internal sealed class ToolConsole : InvocationConfiguration
{
    // How long a cancelled command may take to reach its next token: a step of the largest models takes seconds on a CPU.
    private static readonly TimeSpan CancellationPatience = TimeSpan.FromSeconds(30);

    /// <summary>Standard input as bytes; throws <see cref="IOException"/> where it is closed.</summary>
    public required Func<Stream> OpenInput { get; init; }

    /// <summary>Standard output as bytes; nothing is written to <see cref="InvocationConfiguration.Output"/> then.</summary>
    public required Func<Stream> OpenOutput { get; init; }

    public bool IsInputTerminal { get; init; }

    public bool IsOutputTerminal { get; init; }

    public bool IsErrorTerminal { get; init; }

    /// <summary>The folder that relative paths start from.</summary>
    public required string WorkingFolder { get; init; }

    /// <summary>Reads an environment variable.</summary>
    public Func<string, string?> Variable { get; init; } = _ => null;

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>The console of this process, whose signals cancel the command.</summary>
    public static ToolConsole OfProcess() => new()
    {
        Output = Console.Out,
        Error = Console.Error,
        OpenInput = StandardInput.Open,
        OpenOutput = Console.OpenStandardOutput,
        IsInputTerminal = !Console.IsInputRedirected,
        IsOutputTerminal = !Console.IsOutputRedirected,
        IsErrorTerminal = !Console.IsErrorRedirected,
        WorkingFolder = Environment.CurrentDirectory,
        Variable = Environment.GetEnvironmentVariable,
        ProcessTerminationTimeout = CancellationPatience,
        EnableDefaultExceptionHandler = false,
    };

    public string FullPath(string path) => Path.GetFullPath(path, WorkingFolder);
}
