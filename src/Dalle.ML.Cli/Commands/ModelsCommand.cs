using System.CommandLine;
using Dalle.ML.Hub;

namespace Dalle.ML.Cli;

/// <summary><c>dalle models</c>: lists the published models that can be pulled, and what is on this machine.</summary>
internal static class ModelsCommand
{
    public static Command Create()
    {
        var command = new ToolCommand("models", "List the published models: size, licence, and what is on this machine.",
        [
            "dalle models",
            "dalle models --json",
        ])
        {
            PullCommand.Catalog, Results.Json,
        };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        var models = DalleHub.ListModels(PullCommand.OptionsOf(parsed, PullCommand.Catalog));
        if (parsed.GetValue(Results.Json))
        {
            foreach (var model in models)
                Results.WriteJson(parsed, model);
            return CommandLine.Success;
        }
        var rows = models.Select(model => new[]
        {
            model.Name, model.IsPublished ? ByteSize.Text(model.DownloadSize) : "", model.License + (model.RequiresAcceptance ? " (must be accepted)" : ""),
            model.Path is null ? "" : "here", string.Join(". ", new[] { model.Description, model.Note }.Where(text => !string.IsNullOrEmpty(text))),
        });
        Results.WriteTable(parsed, [["name", "download", "licence", "", "what it is"], .. rows]);
        return CommandLine.Success;
    }
}
