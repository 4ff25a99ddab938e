using System.CommandLine;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary>Where a command's images go: files in a folder, which are reported, or the one image to standard output.</summary>
internal sealed class ImageOutput
{
    public const string StandardOutput = "-";

    private readonly ImageFiles? _files;
    private readonly bool _asJson;

    private ImageOutput(ImageFiles? files, bool asJson) => (_files, _asJson) = (files, asJson);

    public static Option<string> Target { get; } = new("--output", "-o")
    {
        Description = "Folder of the images, created if need be, or '-' to write the one image to standard output [default: the current folder].",
    };

    /// <param name="parsed">The command line.</param>
    /// <param name="images">How many images will be written.</param>
    /// <exception cref="UsageException">Standard output cannot take what is asked for.</exception>
    public static ImageOutput Open(ParseResult parsed, int images)
    {
        var (target, asJson) = (parsed.GetValue(Target), parsed.GetValue(Results.Json));
        if (target != StandardOutput)
            return new ImageOutput(new ImageFiles(target is null ? Environment.CurrentDirectory : Path.GetFullPath(target)), asJson);
        if (images != 1)
            throw new UsageException($"--output - writes one image to standard output, and {images} were asked for. Name a folder, or ask for one.");
        if (asJson)
            throw new UsageException("--output - and --json both write to standard output. Drop one of them.");
        if (!Console.IsOutputRedirected)
            throw new UsageException("--output - would write a PNG to the terminal. Redirect it to a file or another program.");
        return new ImageOutput(files: null, asJson);
    }

    /// <summary>Writes an image and reports it, as its path or as JSON.</summary>
    /// <param name="image">The image.</param>
    /// <param name="name">Its file's name, without extension.</param>
    /// <param name="describe">What JSON says of it, given its path.</param>
    public void Write(MLImage image, string name, Func<string, object> describe)
    {
        if (_files is null)
        {
            using var output = Console.OpenStandardOutput();
            output.Write(image.ToPng());
            return;
        }
        var path = _files.Save(image, name);
        if (_asJson)
            Results.WriteJson(describe(path));
        else
            Console.WriteLine(path);
    }
}
