using System.CommandLine;
using Dalle.ML.Models;
using Dalle.ML.Runtime;

namespace Dalle.ML.Cli;

/// <summary>Runs a command line: results go to standard output, all else to standard error, and the exit code says how it went.</summary>
internal static class CommandRunner
{
    public const int Success = 0;
    public const int Failure = 1;
    public const int Usage = 2;
    public const int Interrupted = 130;

    // How long a cancelled command may take to its next token: a step of the largest models takes seconds on a CPU.
    private static readonly TimeSpan CancellationPatience = TimeSpan.FromSeconds(30);

    public static async Task<int> RunAsync(RootCommand root, string[] args)
    {
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0 && parsed.Action is not { ClearsParseErrors: true })
        {
            foreach (var error in parsed.Errors)
                await Console.Error.WriteLineAsync($"dalle: {error.Message}");
            await PointToHelpAsync();
            return Usage;
        }
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = CancellationPatience,
            });
        }
        catch (UsageException exception)
        {
            await Console.Error.WriteLineAsync($"dalle: {exception.Message}");
            await PointToHelpAsync();
            return Usage;
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("dalle: interrupted.");
            return Interrupted;
        }
        catch (Exception exception) when (IsExpected(exception))
        {
            await Console.Error.WriteLineAsync($"dalle: {exception.Message}");
            return Failure;
        }

        Task PointToHelpAsync()
        {
            var command = parsed.CommandResult.Command == root ? "" : parsed.CommandResult.Command.Name + " ";
            return Console.Error.WriteLineAsync($"Run 'dalle {command}--help' for the options.");
        }
    }

    /// <summary>Whether the message alone tells the user what is wrong; anything else is our fault and shows its stack.</summary>
    private static bool IsExpected(Exception exception) =>
        exception is DalleBundleException or DalleDeviceException or IOException or UnauthorizedAccessException or InvalidDataException or NotSupportedException;
}
