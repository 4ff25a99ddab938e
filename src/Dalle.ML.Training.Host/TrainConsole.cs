namespace Dalle.ML.Training.Host;

/// <summary>Streams of the program, and what ends it early.</summary>
internal sealed class TrainConsole
{
    public required TextWriter Output { get; init; }

    public required TextWriter Error { get; init; }

    public bool IsErrorTerminal { get; init; }

    /// <summary>Saves and ends.</summary>
    public CancellationToken Interrupted { get; init; }

    public static TrainConsole OfProcess() => new()
    {
        Output = Console.Out,
        Error = Console.Error,
        IsErrorTerminal = !Console.IsErrorRedirected,
        Interrupted = Interrupts.OfProcess(),
    };
}
