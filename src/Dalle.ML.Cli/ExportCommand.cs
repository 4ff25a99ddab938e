using System.CommandLine;
using Dalle.ML.Export;

namespace Dalle.ML.Cli;

/// <summary><c>dalle export</c>: a checkpoint becomes a bundle.</summary>
internal static class ExportCommand
{
    public static Command Create()
    {
        var family = new Argument<string>("family") { Description = "The model family of the checkpoint." };
        family.AcceptOnlyFromAmong([.. BundleExporter.Families]);
        var source = new Argument<DirectoryInfo>("checkpoint") { Description = "The checkpoint's folder." };
        var output = new Option<DirectoryInfo>("--output", "-o") { Description = "The bundle's folder.", Required = true };
        var name = new Option<string>("--name") { Description = "The model's name, in place of the checkpoint's." };
        var description = new Option<string>("--description") { Description = "What the model draws, for its manifest." };
        var license = new Option<string>("--license") { Description = "The licence of the weights, for the manifest." };
        var provenance = new Option<string>("--provenance") { Description = "Where the weights come from, for the manifest." };

        var command = new ToolCommand("export", "Turn a checkpoint into a bundle of ONNX graphs. The same checkpoint gives the same bytes.",
        [
            "dalle export dalle ./checkpoint -o ./my-model",
            "dalle export dalle ./checkpoint -o ./my-model --name birds --license MIT",
            "dalle export dalle ./checkpoint -o ./my-model --json",
        ])
        {
            family, source, output, name, description, license, provenance, Results.Json,
        };
        command.SetAction(parsed =>
        {
            var folder = parsed.GetRequiredValue(output).FullName;
            BundleExporter.Export(parsed.GetRequiredValue(family), parsed.GetRequiredValue(source).FullName, folder, new BundleDetails
            {
                Name = parsed.GetValue(name),
                Description = parsed.GetValue(description),
                License = parsed.GetValue(license),
                Provenance = parsed.GetValue(provenance),
            });
            Results.Write(parsed, folder, new { Bundle = folder });
            return CommandRunner.Success;
        });
        return command;
    }
}
