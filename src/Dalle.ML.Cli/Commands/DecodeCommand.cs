using System.CommandLine;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary><c>dalle decode</c>: decodes image tokens into images.</summary>
internal static class DecodeCommand
{
    private static readonly Argument<string[]> Files = new("tokens")
    {
        Description = "Token files of 'dalle encode'; '-' for standard input.",
        Arity = ArgumentArity.OneOrMore,
    };

    public static Command Create()
    {
        var command = new ToolCommand("decode", "Decode image tokens into images.",
        [
            "dalle decode tokens.json -o images",
            "dalle encode apple.png | dalle decode - -o - > again.png",
        ])
        {
            Files, ModelOptions.All, ImageOutput.Target, Results.Json,
        };
        command.SetWork(Run);
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        using var model = ModelOptions.Load(parsed);
        // Everything is checked before anything is written.
        var lines = parsed.GetRequiredValue(Files).SelectMany(path => TokenLine.ReadAll(parsed.Console(), path, cancellationToken)).ToArray();
        if (lines.Length == 0)
            throw new InvalidDataException("The input has no tokens; 'dalle encode' writes them.");
        foreach (var (line, place) in lines)
            line.Check(model.Info, place);
        var output = ImageOutput.Open(parsed, lines.Length);
        foreach (var (line, place) in lines)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var source = line.File ?? "image";
            using var image = Decode(model, line.Tokens!, place);
            output.Write(image, FileNames.OfSource(source), path => new { Source = source, File = path });
        }
        return CommandLine.Success;
    }

    private static MLImage Decode(DalleModel model, int[] tokens, string place)
    {
        try
        {
            return model.DecodeTokens(tokens);
        }
        catch (ArgumentException exception)
        {
            throw new InvalidDataException($"{place}: {exception.Message.Split(" (Parameter")[0]}", exception);
        }
    }
}
