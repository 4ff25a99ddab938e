using System.CommandLine;
using System.Globalization;
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
        Description = "Largest image to read, in megapixels.",
        DefaultValueFactory = _ => ImageReader.DefaultMaxPixels / ImageReader.Megapixel,
    }.MustBeNumber(1, ImageReader.MostMegapixels);

    /// <summary>Reads the images of a command one after the other, names those that cannot be read or used, and goes on with the others.</summary>
    /// <param name="parsed">The command line, with <see cref="Several"/>.</param>
    /// <param name="use">What is done with each image and its path; an <see cref="InvalidDataException"/> is the image's.</param>
    /// <param name="cancellationToken">Checked before each image.</param>
    /// <returns>The exit code: a failure if an image could not be read.</returns>
    public static int ForEach(ParseResult parsed, Action<string, MLImage> use, CancellationToken cancellationToken)
    {
        var paths = parsed.GetRequiredValue(Several);
        var failed = 0;
        foreach (var path in paths)
        {
            MLImage image;
            try
            {
                image = Load(parsed, path, cancellationToken);
            }
            catch (Exception exception) when (exception is IOException or InvalidDataException)
            {
                Fail(exception);
                continue;
            }
            using (image)
            {
                try
                {
                    use(path, image);
                }
                catch (InvalidDataException exception)
                {
                    Fail(exception);
                }
            }
        }
        if (failed > 0 && paths.Length > 1)
            Results.Remark(parsed, string.Create(CultureInfo.InvariantCulture, $"{failed} of {paths.Length} images failed."));
        return failed > 0 ? CommandLine.Failure : CommandLine.Success;

        void Fail(Exception exception)
        {
            Results.Remark(parsed, exception.Message);
            failed++;
        }
    }

    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is not an image, is damaged or truncated, or has too many pixels.</exception>
    public static MLImage Load(ParseResult parsed, string path, CancellationToken cancellationToken)
    {
        var reader = new ImageReader { MaxPixels = parsed.GetValue(MaxMegapixels) * ImageReader.Megapixel, LimitName = MaxMegapixels.Name };
        using var file = InputFile.Read(parsed.Console(), path, "image file", cancellationToken, ImageReader.MostMebibytes);
        return reader.Read(file.GetBuffer().AsSpan(0, (int)file.Length), path == InputFile.StandardInput ? "Standard input" : $"'{path}'");
    }
}
