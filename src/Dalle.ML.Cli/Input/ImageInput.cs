using System.CommandLine;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary>Images that a command reads: files, or '-' for one on standard input.</summary>
internal static class ImageInput
{
    public static Argument<string[]> Several { get; } = new("image")
    {
        Description = "Image files (JPEG, PNG, WebP, BMP, GIF); '-' for standard input.",
        Arity = ArgumentArity.OneOrMore,
    };

    public static Option<int> MaxMegapixels { get; } = new Option<int>("--max-megapixels")
    {
        HelpName = "n",
        Description = $"Largest image to read, in megapixels: 1 to {ImageReader.MostMegapixels}.",
        DefaultValueFactory = _ => ImageReader.DefaultMaxPixels / ImageReader.Megapixel,
    }.MustBe(count => count is >= 1 and <= ImageReader.MostMegapixels, $"a whole number from 1 to {ImageReader.MostMegapixels}");

    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is not an image, is damaged or truncated, or has too many pixels.</exception>
    public static MLImage Load(ParseResult parsed, string path, CancellationToken cancellationToken)
    {
        var reader = new ImageReader { MaxPixels = parsed.GetValue(MaxMegapixels) * ImageReader.Megapixel, LimitName = MaxMegapixels.Name };
        using var file = InputFile.Read(parsed.Console(), path, "image file", cancellationToken, ImageReader.MostMebibytes);
        return reader.Read(file.GetBuffer().AsSpan(0, (int)file.Length), path == InputFile.StandardInput ? "Standard input" : $"'{path}'");
    }
}
