using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Dalle.ML.Cli;

/// <summary>The help of System.CommandLine with examples at its end.</summary>
internal sealed class HelpWithExamples(HelpAction help) : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    /// <summary>Extends the help of a tool and all of its commands.</summary>
    public static void AddTo(RootCommand root)
    {
        var option = root.Options.OfType<HelpOption>().Single();
        option.Action = new HelpWithExamples((HelpAction)option.Action!);
    }

    public override int Invoke(ParseResult parseResult)
    {
        var exitCode = help.Invoke(parseResult);
        var output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("Examples:");
        foreach (var example in ExamplesOf(parseResult.CommandResult.Command))
            output.WriteLine($"  {example}");
        return exitCode;
    }

    private static IEnumerable<string> ExamplesOf(Command command) =>
        command is ToolCommand tool ? tool.Examples : command.Subcommands.OfType<ToolCommand>().Select(each => each.Examples[0]);
}
