using System.CommandLine;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary><c>dalle encode</c>: encodes images into image tokens.</summary>
internal static class EncodeCommand
{
    private static readonly Option<string> Output = new("--output", "-o") { HelpName = "file", Description = "File of the tokens; '-' for standard output [default: -]." };

    public static Command Create()
    {
        var command = new ToolCommand("encode", "Encode images into image tokens: one line of JSON per image.",
        [
            "dalle encode apple.png",
            "dalle encode photos/*.png -o tokens.json",
            "dalle encode - < apple.png | dalle decode - -o -",
        ])
        {
            ImageInput.Several, Output, ImageInput.MaxMegapixels, ModelOptions.All, Results.Json,
        };
        command.SetWork(Run);
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        var name = parsed.GetValue(Output) ?? ImageOutput.StandardOutput;
        var target = parsed.Console().FullPath(name);
        using var file = name == ImageOutput.StandardOutput ? null : new DraftFile(target, name, Output.Name);
        using var model = ModelOptions.Load(parsed);
        var lines = 0;
        var exitCode = ImageInput.ForEach(parsed, Encode, cancellationToken);
        if (file is not null && lines > 0)
        {
            file.Finish();
            Results.Write(parsed, target, new { File = target });
        }
        return exitCode;

        void Encode(string path, MLImage image)
        {
            var line = TokenLine.Of(path, model.EncodeImage(image), model.Info);
            if (file is null)
                Results.WriteJson(parsed, line);
            else
                file.Write(JsonLine.Bytes(line));
            lines++;
        }
    }
}
