using System.CommandLine;
using System.CommandLine.Parsing;

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
        // A prompt may begin with '@': there are no files of further arguments.
        var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Action is not { ClearsParseErrors: true } && UsageErrors(parsed).ToArray() is { Length: > 0 } errors)
        {
            foreach (var error in errors)
                await Console.Error.WriteLineAsync($"dalle: {error}");
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

    private static IEnumerable<string> UsageErrors(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        if (command is RootCommand)
        {
            yield return parsed.UnmatchedTokens is [var word, ..] ? $"'{word}' is not a command." : "a command is missing.";
            yield break;
        }
        if (parsed.Tokens.Any(token => token.Type == TokenType.Argument && string.IsNullOrWhiteSpace(token.Value)))
        {
            yield return "an argument is empty. If it comes from a variable of a script, that has no value.";
            yield break;
        }

        // Of an option's errors the last is ours, and says what it must be.
        foreach (var error in parsed.Errors)
        {
            if (error.SymbolResult is not OptionResult option || error == parsed.Errors.Last(other => other.SymbolResult == option))
                yield return error.Message;
        }

        // As a prompt or a file anything goes, but a word with a dash before it, and no '--' before that, was meant as an option.
        var words = command.Arguments.SelectMany(argument => parsed.GetResult(argument)?.Tokens ?? []).Select(token => token.Value).ToHashSet();
        foreach (var token in parsed.Tokens.TakeWhile(token => token.Type != TokenType.DoubleDash))
        {
            if (token.Type == TokenType.Argument && token.Value.Length > 1 && token.Value[0] == '-' && words.Contains(token.Value))
                yield return $"'{token.Value}' is not an option of {command.Name}. A word that begins with a dash goes after ' -- '.";
        }
    }

    /// <summary>Whether the message alone tells the user what is wrong; anything else is our fault and shows its stack.</summary>
    private static bool IsExpected(Exception exception) =>
        exception is DalleBundleException or DalleDeviceException or IOException or UnauthorizedAccessException or InvalidDataException or NotSupportedException;
}
