using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;

namespace Dalle.ML.Cli.Tests;

/// <summary>What all commands have in common. Which these are is asked of the tool, so that none is forgotten.</summary>
public sealed partial class CliConventionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("encode", "-")]
    [InlineData("generate", "-")]
    [InlineData("batch", "-", "--format", "txt", "-o", "out")]
    public async Task A_closed_standard_input_is_said(params string[] arguments)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "A shell closes the stream.");
        using var folder = new TemporaryFolder();
        var run = await ToolProcess.RunInShellAsync(folder.Path, "<&-", arguments);
        Assert.Equal(1, run.ExitCode);
        Assert.StartsWith("dalle: Standard input is closed.", run.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pictures_given_for_text_and_a_full_standard_output_are_told_as_what_they_are()
    {
        using var folder = new TemporaryFolder();
        Pictures.Generate(folder, "a red apple", "apple.png");
        File.WriteAllText(Path.Combine(folder.Path, "prompts.txt"), "a cat\n");
        foreach (var (arguments, message) in new (string[], string)[]
        {
            (["decode", "apple.png", "-o", "out"], "apple.png is a picture, not a file of tokens."),
            (["batch", "apple.png", "--format", "txt", "-o", "out"], "'apple.png' is a picture, not a file of prompts."),
            (["batch", "prompts.txt", "-o", "apple.png"], "cannot be created: a file has this name. Name a folder."),
            (["export", "dalle", "apple.png", "-o", "model"], "it is not JSON: see line 1, byte 1"),
        })
        {
            var run = await Tool.RunAsync(folder.Path, arguments);
            Assert.Equal(1, run.ExitCode);
            Assert.Contains(message, run.Errors, StringComparison.Ordinal);
        }
        if (File.Exists("/dev/full"))
        {
            var full = await ToolProcess.RunInShellAsync(folder.Path, "> /dev/full", "encode", "apple.png");
            Assert.Equal((1, "dalle: standard output cannot be written: no space is left where it goes.\n"), (full.ExitCode, full.Errors));
        }
    }

    [Fact]
    public async Task Every_command_has_help_with_examples_and_json()
    {
        var help = await HelpAsync();
        foreach (var (command, lines) in help)
        {
            Assert.Contains(lines, line => line.StartsWith("--json ", StringComparison.Ordinal));
            var examples = lines.SkipWhile(line => line != "Examples:").Skip(1).ToArray();
            Assert.NotEmpty(examples);
            Assert.All(examples, example => AssertHolds(example, command, help));
        }
    }

    [Fact]
    public async Task The_tools_own_help_has_an_example_of_every_command()
    {
        var examples = (await Run("--help")).Output.SkipWhile(line => line != "Examples:").Skip(1);
        Assert.Equal(await CommandsAsync(), examples.Select(example => example.Split(' ')[1]));
    }

    [Fact]
    public async Task The_docs_have_a_row_with_an_example_for_every_command()
    {
        var help = await HelpAsync();
        var rows = File.ReadAllLines(CommandTable()).Select(line => CommandRow().Match(line)).Where(row => row.Success).ToArray();
        Assert.Equal(help.Keys.Order(), rows.Select(row => row.Groups["command"].Value).Order());
        Assert.All(rows, row => AssertHolds(row.Groups["example"].Value.Replace(@"\|", "|", StringComparison.Ordinal), row.Groups["command"].Value, help));
    }

    [Fact]
    public async Task Help_fits_a_terminal_of_80_columns_and_names_each_value_once()
    {
        foreach (string[] command in (await CommandsAsync()).Select(command => new[] { command, "--help" }).Append(["--help"]))
        {
            var lines = Encoding.UTF8.GetString((await Run(command)).Bytes).Split('\n');
            Assert.All(lines, line => Assert.True(line.Length <= 80, line));
            foreach (var values in lines.SelectMany(line => ValuesIn().Matches(line)).Select(match => match.Value.ToLowerInvariant().Split('|')))
                Assert.Equal(values.Distinct(), values);
        }
    }

    [Fact]
    public async Task Shells_get_suggestions()
    {
        var suggestions = await Run("[suggest]", "");
        Assert.Equal((0, ""), (suggestions.ExitCode, suggestions.Errors));
        Assert.Subset(suggestions.Output.ToHashSet(), (await CommandsAsync()).ToHashSet());

        var options = await Run("[suggest:9]", "generate ");
        Assert.Contains("--candidates", options.Output);
        Assert.Contains("--progressive", options.Output);

        var begun = await Run("[suggest:12]", "generate --t");
        Assert.Equal(["--temperature", "--threads", "--top-k", "--top-p"], begun.Output);
        var values = await Run("[suggest:14]", "rank --device ");
        Assert.Equal(["cpu", "cuda"], values.Output);
    }

    [Theory]
    [InlineData("--colour", "'--colour'")]
    [InlineData("", "an argument is empty")]
    [InlineData("--output=out", "--output=out", "", "an argument is empty")]
    public async Task What_no_command_knows_is_a_usage_error_of_every_command(params string[] argumentsAndMessage)
    {
        var commands = await CommandsAsync();
        var runs = await Task.WhenAll(commands.Select(command => Run([command, .. argumentsAndMessage[..^1]])));
        foreach (var (command, run) in commands.Zip(runs))
        {
            Assert.Equal((2, 0), (run.ExitCode, run.Bytes.Length));
            Assert.Contains(argumentsAndMessage[^1], run.Errors, StringComparison.Ordinal);
            Assert.EndsWith($"Run 'dalle {command} --help' for the options.\n", run.Errors, StringComparison.Ordinal);
        }
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData("dalle: a command is missing.")]
    [InlineData("dalle: 'paint' is not a command.", "paint")]
    [InlineData("dalle: '--colour' is not a command.", "--colour", "red")]
    public async Task A_command_that_is_unknown_or_missing_is_a_usage_error(string message, params string[] arguments)
    {
        var run = await Run(arguments);
        Assert.Equal((2, 0), (run.ExitCode, run.Bytes.Length));
        Assert.Equal([message, "Run 'dalle --help' for the options."], run.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task An_options_error_says_what_it_must_be_and_nothing_of_types()
    {
        var run = await Run("generate", "a cat", "--threads", $"{4 * Environment.ProcessorCount + 1}", "--seed", "x", "--top-k", "1.5");
        Assert.Equal(2, run.ExitCode);
        Assert.Equal(
            [$"dalle: --threads must be a whole number from 1 to {4 * Environment.ProcessorCount}, four times the cores of this machine.", $"dalle: --seed must be a whole number from 0 to {ulong.MaxValue}.", "dalle: --top-k must be a whole number from 0 to 2147483647.", "Run 'dalle generate --help' for the options."],
            run.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task A_prompt_is_taken_as_it_is()
    {
        File.WriteAllText(Path.Combine(_folder.Path, "cat"), "--bad");
        var run = await Run("generate", "@cat", "--candidates", "1", "--seed", "1", "-q", "--", "-n");
        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        Assert.Equal(["cat_1.png", "n_1.png"], run.Output.Select(Path.GetFileName));
    }

    [Theory]
    [InlineData("generate 'a cat' --candidates 1 --seed 1 -o out")]
    [InlineData("batch prompts.txt --candidates 1 --seed 1 -o out")]
    public async Task Colours_are_shown_in_a_terminal_unless_NO_COLOR_says_otherwise(string command)
    {
        if (!OperatingSystem.IsLinux() || !File.Exists("/usr/bin/script"))
            Assert.Skip("The test needs 'script' of util-linux, which runs a program in a terminal.");
        File.WriteAllText(Path.Combine(_folder.Path, "prompts.txt"), "a cat\na dog\n");
        Assert.Matches(Colour(), await InTerminal(command, noColor: null));
        var plain = await InTerminal(command, noColor: "1");
        Assert.DoesNotMatch(Colour(), plain);
        Assert.Contains("100%", plain, StringComparison.Ordinal);
    }

    /// <summary>The page with the table of the commands.</summary>
    private static string CommandTable() =>
        new[] { "docs/cli.md", "README.md" }.Select(page => Path.Combine(Repository.Root, page)).First(File.Exists);

    /// <summary>An example is one of its command, perhaps with others in a pipe, and each has the options that it is given.</summary>
    private static void AssertHolds(string example, string command, Dictionary<string, string[]> help)
    {
        var parts = example.Split('|', StringSplitOptions.TrimEntries).ToDictionary(part => part.Split(' ')[1], part => OptionIn().Matches(part));
        Assert.Contains(command, parts.Keys);
        foreach (var (part, options) in parts)
            Assert.All(options, option => Assert.Contains(help[part], line => line.StartsWith('-') && line.Split("  ")[0].Split(' ', ',').Contains(option.Value)));
    }

    private async Task<string[]> CommandsAsync()
    {
        var help = await Run("--help");
        Assert.Equal((0, ""), (help.ExitCode, help.Errors));
        // Descriptions go on in lines that are indented further.
        var lines = Encoding.UTF8.GetString(help.Bytes).Split('\n').SkipWhile(line => line != "Commands:").Skip(1).TakeWhile(line => line != "Examples:");
        string[] commands = [.. lines.Select(line => CommandIn().Match(line)).Where(line => line.Success).Select(line => line.Value)];
        Assert.Contains("generate", commands);
        return commands;
    }

    private async Task<Dictionary<string, string[]>> HelpAsync()
    {
        var commands = await CommandsAsync();
        var runs = await Task.WhenAll(commands.Select(command => Run(command, "--help")));
        Assert.All(runs, run => Assert.Equal((0, ""), (run.ExitCode, run.Errors)));
        return commands.Zip(runs).ToDictionary(pair => pair.First, pair => pair.Second.Output);
    }

    private async Task<string> InTerminal(string command, string? noColor)
    {
        var start = new ProcessStartInfo("script", ["--quiet", "--return", "--command", $"dotnet '{ToolProcess.AssemblyPath}' {command}", "/dev/null"])
        {
            WorkingDirectory = _folder.Path,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        (start.Environment["TERM"], start.Environment["NO_COLOR"]) = ("xterm-256color", noColor);
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, output);
        return output;
    }

    private Task<Tool> Run(params string[] arguments) => Tool.RunAsync(_folder.Path, arguments);

    [GeneratedRegex(@"^\| `(?<command>[\w-]+)` \|.*\| `(?<example>dalle .*)` \|$")]
    private static partial Regex CommandRow();

    [GeneratedRegex(@"(?<=^  )[\w-]+")]
    private static partial Regex CommandIn();

    [GeneratedRegex(@"(?<=<)[^<>]*\|[^<>]*(?=>)")]
    private static partial Regex ValuesIn();

    [GeneratedRegex(@"(?<=\s)--?[a-z][a-z-]*(?=\s|$)")]
    private static partial Regex OptionIn();

    [GeneratedRegex(@"\x1b\[[0-9;]+m")]
    private static partial Regex Colour();
}
