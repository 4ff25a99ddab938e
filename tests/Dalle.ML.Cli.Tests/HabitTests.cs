namespace Dalle.ML.Cli.Tests;

/// <summary>What all commands have in common.</summary>
public sealed class HabitTests
{
    public static TheoryData<string> Commands =>
        ["generate", "complete", "encode", "decode", "reconstruct", "score", "rank", "classify", "info", "verify", "doctor", "bench", "export"];

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task Help_ends_with_examples(string command)
    {
        var help = await Run(command, "--help");
        Assert.Equal((0, ""), (help.ExitCode, help.Errors));
        var examples = help.Output.SkipWhile(line => line != "Examples:").Skip(1).ToArray();
        Assert.NotEmpty(examples);
        Assert.All(examples, example => Assert.Contains($"dalle {command} ", example + " ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_tools_own_help_has_an_example_of_every_command()
    {
        var help = await Run("--help");
        Assert.All(Commands, command => Assert.Contains(help.Output, line => (line + " ").StartsWith($"dalle {command.Data} ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Shells_are_told_what_can_follow()
    {
        var commands = await Run("[suggest]", "");
        Assert.Equal((0, ""), (commands.ExitCode, commands.Errors));
        Assert.All(Commands, command => Assert.Contains(command.Data, commands.Output));

        var options = await Run("[suggest:9]", "generate ");
        Assert.Contains("--candidates", options.Output);
        Assert.Contains("--progressive", options.Output);

        var begun = await Run("[suggest:12]", "generate --t");
        Assert.Equal(["--temperature", "--top-k", "--top-p"], begun.Output);
        var values = await Run("[suggest:14]", "rank --device ");
        Assert.Equal(["cpu", "cuda"], values.Output);
    }

    [Fact]
    public async Task An_unknown_command_is_a_usage_error()
    {
        var run = await Run("paint");
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("'paint'", run.Errors, StringComparison.Ordinal);
    }

    private static Task<Tool> Run(params string[] arguments) => Tool.RunAsync(AppContext.BaseDirectory, arguments);
}
