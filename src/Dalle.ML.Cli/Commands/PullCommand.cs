using System.CommandLine;
using Dalle.ML.Export;
using Dalle.ML.Hub;

namespace Dalle.ML.Cli;

/// <summary><c>dalle pull</c>: downloads, verifies and exports a published model. This command alone uses the network.</summary>
internal static class PullCommand
{
    /// <summary>A file that extends the catalogue, also for <c>dalle models</c>.</summary>
    public static Option<string> Catalog { get; } = new("--catalog") { HelpName = "file", Description = "Catalogue that extends the built-in one [default: $DALLE_CATALOG]." };

    private static readonly Argument<string> Model = new("name") { HelpName = "name", Description = "Name of the model, as 'dalle models' lists it." };

    private static readonly Option<bool> AcceptLicense = new("--accept-license") { Description = "Accept a licence that restricts use, after reading it." };

    private static readonly Option<bool> KeepCheckpoint = new("--keep-checkpoint") { Description = "Keep the downloaded checkpoint beside the bundle." };

    public static Command Create()
    {
        var precision = ExportCommand.NewPrecision("Precision of the transformer [default: the catalogue's].");
        var command = new ToolCommand("pull", "Download a published model, verify it and export it; then -m takes its name.",
        [
            "dalle pull min-dalle-mini",
            "dalle pull minDALL-E --accept-license",
            "dalle pull ru-dalle-malevich --precision int8 --keep-checkpoint",
        ])
        {
            Model, AcceptLicense, KeepCheckpoint, precision, Catalog, Results.Json, Results.Quiet,
        };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, parsed.GetValue(precision), cancellationToken));
        return command;
    }

    /// <summary>The options that the commands of published models share.</summary>
    public static PullOptions OptionsOf(ParseResult parsed, Option<string>? catalog = null) => new()
    {
        Catalog = catalog is null ? null : parsed.GetPath(catalog),
        Variable = parsed.Console().Variable,
    };

    private static async Task<int> RunAsync(ParseResult parsed, Precision? precision, CancellationToken cancellationToken)
    {
        var (name, options) = (parsed.GetRequiredValue(Model), OptionsOf(parsed, Catalog) with
        {
            AcceptLicense = parsed.GetValue(AcceptLicense),
            KeepCheckpoint = parsed.GetValue(KeepCheckpoint),
            Precision = precision,
        });
        var folder = await PullDisplay.RunAsync(
            parsed.Console(), !parsed.GetValue(Results.Quiet), progress => DalleHub.PullAsync(name, options, progress, cancellationToken));
        Results.Write(parsed, folder, new { Name = name, Bundle = folder });
        return CommandLine.Success;
    }
}
