using System.CommandLine;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary>Writes the images of a command: files in a folder, which are reported, or one image to standard output.</summary>
internal sealed class ImageOutput
{
    public const string StandardOutput = "-";

    private readonly ParseResult _parsed;
    private readonly ImageFiles? _files;

    private ImageOutput(ParseResult parsed, ImageFiles? files) => (_parsed, _files) = (parsed, files);

    public static Option<string> Target { get; } = new("--output", "-o")
    {
        HelpName = "folder",
        Description = "Folder of the images, created if missing; '-' writes one image to standard output [default: the current folder].",
    };

    /// <param name="parsed">The command line.</param>
    /// <param name="images">How many images will be written.</param>
    /// <exception cref="UsageException">Standard output cannot take these images.</exception>
    public static ImageOutput Open(ParseResult parsed, int images)
    {
        if (parsed.GetValue(Target) != StandardOutput)
            return new ImageOutput(parsed, new ImageFiles(parsed.GetPath(Target) ?? parsed.Console().WorkingFolder));
        if (images != 1)
            throw new UsageException($"--output - writes one image to standard output, and {images} were requested. Name a folder, or request one image.");
        if (parsed.GetValue(Results.Json))
            throw new UsageException("--output - and --json both write to standard output. Drop one of them.");
        if (parsed.Console().IsOutputTerminal)
            throw new UsageException("--output - would write a PNG to the terminal. Redirect it to a file or another program.");
        return new ImageOutput(parsed, files: null);
    }

    /// <summary>Writes an image and reports it, as its path or as JSON.</summary>
    /// <param name="image">The image.</param>
    /// <param name="name">Its file's name, without extension.</param>
    /// <param name="describe">What JSON says of it, given its path.</param>
    public void Write(MLImage image, string name, Func<string, object> describe)
    {
        if (_files is null)
        {
            using var output = _parsed.Console().OpenOutput();
            output.Write(image.ToPng());
            return;
        }
        var path = _files.Save(image, name);
        Results.Write(_parsed, path, describe(path));
    }
}
