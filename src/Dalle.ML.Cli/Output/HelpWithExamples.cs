using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Dalle.ML.Cli;

/// <summary>The help of System.CommandLine, readable at 80 columns, with examples at its end.</summary>
internal sealed class HelpWithExamples(HelpAction help) : SynchronousCommandLineAction
{
    // Of a terminal of the usual width, whatever the output is.
    private const int Columns = 80;

    public override bool ClearsParseErrors => true;

    /// <summary>Extends the help of a tool and all of its commands.</summary>
    public static void AddTo(RootCommand root)
    {
        var option = root.Options.OfType<HelpOption>().Single();
        var help = (HelpAction)option.Action!;
        help.MaxWidth = Columns;
        option.Action = new HelpWithExamples(help);
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
