using System.CommandLine;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary>Images that a command reads: files, or '-' for one on standard input.</summary>
internal static class ImageInput
{
    public static Argument<string[]> Several { get; } = new("image")
    {
        Description = "Image files, e.g. PNG; '-' reads one from standard input.",
        Arity = ArgumentArity.OneOrMore,
    };

    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is no image.</exception>
    public static MLImage Load(string path, CancellationToken cancellation)
    {
        using var bytes = InputFile.Read(path, "image file", cancellation);
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
    public static string StemOf(string path) => path == InputFile.StandardInput ? "stdin"
        : Path.GetFileNameWithoutExtension(path) is { Length: > 0 } stem ? stem : "image";

    private static string NameOf(string path) => path == InputFile.StandardInput ? "Standard input" : $"'{path}'";

    private static string Reason(Exception? exception) => exception is null ? "" : $": {exception.Message.TrimEnd('.')}";
}
