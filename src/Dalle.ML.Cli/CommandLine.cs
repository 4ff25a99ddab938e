using System.CommandLine;
using System.CommandLine.Parsing;

namespace Dalle.ML.Cli;

/// <summary>Runs a command line: results go to standard output, everything else to standard error, and the exit code tells success from failure.</summary>
internal static class CommandLine
{
    public const int Success = 0;
    public const int Failure = 1;
    public const int Usage = 2;
    public const int Interrupted = 130;

    // Made once: symbols keep what they were added to, and several command lines may be parsed at once.
    private static readonly RootCommand Root = CreateRoot();

    /// <summary>Runs a command line to its end.</summary>
    /// <param name="arguments">The words after the tool's name.</param>
    /// <param name="console">Streams, folder and environment of the command.</param>
    /// <param name="cancellationToken">Interrupts the command, as a signal does.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(string[] arguments, ToolConsole console, CancellationToken cancellationToken = default)
    {
        // A prompt may begin with '@': there are no files of further arguments.
        var parsed = Root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Action is not { ClearsParseErrors: true } && UsageErrors(parsed).ToArray() is { Length: > 0 } errors)
        {
            foreach (var error in errors)
                await console.Error.WriteLineAsync($"dalle: {error}");
            await PointToHelpAsync();
            return Usage;
        }
        try
        {
            return await parsed.InvokeAsync(console, cancellationToken);
        }
        catch (UsageException exception)
        {
            await console.Error.WriteLineAsync($"dalle: {exception.Message}");
            await PointToHelpAsync();
            return Usage;
        }
        catch (ArgumentOutOfRangeException exception) when (SamplingArguments.OptionOf(exception.ParamName) is { } option)
        {
            await console.Error.WriteLineAsync($"dalle: {exception.Message.Split(" (Parameter")[0].Replace(exception.ParamName!, option.Name, StringComparison.Ordinal)}");
            await PointToHelpAsync();
            return Usage;
        }
        catch (DalleOptionException exception) when (SamplingArguments.OptionOf(exception.Option) is { } option)
        {
            await console.Error.WriteLineAsync($"dalle: {exception.Message.Replace($"'{exception.Option}'", option.Name, StringComparison.Ordinal)}");
            await PointToHelpAsync();
            return Usage;
        }
        catch (OperationCanceledException)
        {
            await console.Error.WriteLineAsync("dalle: interrupted.");
            return Interrupted;
        }
        catch (UnauthorizedAccessException exception) when (!exception.Message.Contains('\'', StringComparison.Ordinal))
        {
            // A file would be named: the stream that is denied is one of the process.
            await console.Error.WriteLineAsync("dalle: standard output or standard input is closed. Redirect it to a file, or to /dev/null.");
            return Failure;
        }
        catch (IOException exception) when (exception.Message == "No space left on device")
        {
            // As above: a file would be named.
            await console.Error.WriteLineAsync("dalle: standard output cannot be written: no space is left where it goes.");
            return Failure;
        }
        catch (UnauthorizedAccessException exception)
        {
            await console.Error.WriteLineAsync($"dalle: '{exception.Message.Split('\'')[1]}': this user has no right to read or write it.");
            return Failure;
        }
        catch (Exception exception) when (IsExpected(exception))
        {
            await console.Error.WriteLineAsync($"dalle: {exception.Message}");
            return Failure;
        }

        Task PointToHelpAsync()
        {
            var command = parsed.CommandResult.Command == Root ? "" : parsed.CommandResult.Command.Name + " ";
            return console.Error.WriteLineAsync($"Run 'dalle {command}--help' for the options.");
        }
    }

    private static RootCommand CreateRoot()
    {
        var root = new RootCommand("DALL·E for .NET: text to image from the command line. Exit codes: 0, 1 failure, 2 usage, 130 interrupted.")
        {
            GenerateCommand.Create(),
            CompleteCommand.Create(),
            CompleteTextCommand.Create(),
            VariationsCommand.Create(),
            InpaintCommand.Create(),
            InterpolateCommand.Create(),
            EncodeCommand.Create(),
            DecodeCommand.Create(),
            ReconstructCommand.Create(),
            UpscaleCommand.Create(),
            ScoreCommand.CreateScore(),
            ScoreCommand.CreateRank(),
            ClassifyCommand.Create(),
            EvaluateCommand.Create(),
            BatchCommand.Create(),
            ServeCommand.Create(),
            McpCommand.Create(),
            InfoCommand.Create(),
            VerifyCommand.Create(),
            DoctorCommand.Create(),
            BenchCommand.Create(),
            ExportCommand.Create(),
            TrainCommand.Create(),
            ModelsCommand.Create(),
            PullCommand.Create(),
            RemoveCommand.Create(),
        };
        HelpWithExamples.AddTo(root);
        return root;
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
            yield return "an argument is empty. A script variable may have no value.";
            yield break;
        }

        // The last error of an option is ours, and says what the value must be.
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
                yield return $"'{token.Value}' is not an option of {command.Name}. Put a word that begins with a dash after ' -- '.";
        }
    }

    /// <summary>Whether the message alone tells the user what is wrong; anything else is a bug and shows its stack.</summary>
    private static bool IsExpected(Exception exception) =>
        exception is DalleBundleException or DalleDeviceException or IOException or InvalidDataException or NotSupportedException;
}
