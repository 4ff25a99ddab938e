using System.CommandLine;

namespace Dalle.ML.Cli;

/// <summary>A command with the examples that end its help.</summary>
/// <param name="name">The command's name.</param>
/// <param name="description">What it does.</param>
/// <param name="examples">Whole command lines; the first also stands in the help of the tool itself.</param>
internal sealed class ToolCommand(string name, string description, string[] examples) : Command(name, description)
{
    public IReadOnlyList<string> Examples => examples;

    /// <summary>Sets what the command does. It runs on another thread, so that an interrupt reaches it by its token.</summary>
    public void SetWork(Func<ParseResult, CancellationToken, int> work) =>
        SetAction((parsed, cancellationToken) => Task.Run(() => work(parsed, cancellationToken), cancellationToken));

    /// <summary>Adds the options that several commands share.</summary>
    public void Add(IEnumerable<Option> options)
    {
        foreach (var option in options)
            Options.Add(option);
    }
}
