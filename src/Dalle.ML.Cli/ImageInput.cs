using System.CommandLine;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary>Images that a command reads: files, or '-' for one on standard input.</summary>
internal static class ImageInput
{
    public const string StandardInput = "-";

    public static Argument<string[]> Several { get; } = new("image")
    {
        Description = "Image files, e.g. PNG; '-' reads one from standard input.",
        Arity = ArgumentArity.OneOrMore,
    };

    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is no image.</exception>
    public static MLImage Load(string path)
    {
        using var bytes = new MemoryStream();
        using (var source = path == StandardInput ? Console.OpenStandardInput() : OpenFile(path))
            source.CopyTo(bytes);
        bytes.Position = 0;
        try
        {
            return MLImage.CreateFromStream(bytes);
        }
        catch (ArgumentException exception)
        {
            throw new InvalidDataException($"{NameOf(path)} is not an image that can be read{Reason(exception.InnerException)}. Convert it, e.g. to PNG.", exception);
        }
    }

    /// <summary>A file's name without folder and extension, for the names of what is made from it.</summary>
    public static string StemOf(string path) => path == StandardInput ? "stdin"
        : Path.GetFileNameWithoutExtension(path) is { Length: > 0 } stem ? stem : "image";

    private static FileStream OpenFile(string path) =>
        File.Exists(path) ? File.OpenRead(path) : throw new FileNotFoundException($"The image file '{path}' does not exist; '-' reads one from standard input.", path);

    private static string NameOf(string path) => path == StandardInput ? "Standard input" : $"'{path}'";

    private static string Reason(Exception? exception) => exception is null ? "" : $": {exception.Message.TrimEnd('.')}";
}
