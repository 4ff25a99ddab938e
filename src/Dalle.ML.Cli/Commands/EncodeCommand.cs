using System.CommandLine;

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
        using var model = ModelOptions.Load(parsed);
        var lines = parsed.GetRequiredValue(ImageInput.Several).Select(path =>
        {
            using var image = ImageInput.Load(parsed, path, cancellationToken);
            return TokenLine.Of(path, model.EncodeImage(image), model.Info);
        });
        if (parsed.GetValue(Output) is not { } target || target == ImageOutput.StandardOutput)
        {
            foreach (var line in lines)
                Results.WriteJson(parsed, line);
            return CommandLine.Success;
        }

        var output = parsed.Console().FullPath(target);
        if (Directory.Exists(output))
            throw new IOException($"'{target}' is a folder. --output names the file of the tokens.");
        // All or nothing: a file with some of the images would look whole.
        File.WriteAllLines(output, [.. lines.Select(line => JsonLine.Text(line))]);
        Results.Write(parsed, output, new { File = output });
        return CommandLine.Success;
    }
}
