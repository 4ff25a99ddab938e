using System.CommandLine;
using Dalle.ML.Hub;

namespace Dalle.ML.Cli;

/// <summary><c>dalle remove</c>: removes a pulled model.</summary>
internal static class RemoveCommand
{
    private static readonly Argument<string> Model = new("name") { HelpName = "name", Description = "Name of the model, as 'dalle models' lists it." };

    public static Command Create()
    {
        var command = new ToolCommand("remove", "Remove a pulled model, its kept checkpoint and unfinished downloads.",
        [
            "dalle remove min-dalle-mini",
        ])
        {
            Model, Results.Json,
        };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        var name = parsed.GetRequiredValue(Model);
        var removed = DalleHub.Remove(name, PullCommand.OptionsOf(parsed));
        if (removed.Count == 0)
            throw new DalleHubException($"There is nothing of '{name}' on this machine. 'dalle models' lists what there is.");
        foreach (var folder in removed)
            Results.Write(parsed, folder, new { Name = name, Removed = folder });
        return CommandLine.Success;
    }
}
