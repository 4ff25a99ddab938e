using System.CommandLine;
using System.Globalization;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary>Reads sets of images, and first looks at all of them: hours of work must not end at a damaged file, nor leave it out without a word.</summary>
internal sealed class ImageSetReader(ParseResult parsed, ProgressDisplay display, CancellationToken cancellationToken)
{
    /// <summary>Number of images that could not be read.</summary>
    public int Unreadable { get; private set; }

    /// <summary>The images of a set that can be read; the others are named on standard error.</summary>
    public IReadOnlyList<ListedImage> Read(string path)
    {
        var images = ImageSet.Read(parsed, path, cancellationToken);
        var readable = new List<ListedImage>(images.Count);
        foreach (var (number, image) in images.Index())
        {
            display.Report(0, string.Create(CultureInfo.InvariantCulture, $"reading {path}, image {number + 1} of {images.Count}"));
            try
            {
                using var _ = Load(parsed, image, cancellationToken);
                readable.Add(image);
            }
            catch (Exception exception) when (exception is IOException or InvalidDataException)
            {
                Results.Remark(parsed, exception.Message);
                Unreadable++;
            }
        }
        if (readable.Count == 0)
            throw new InvalidDataException($"None of the images of '{path}' can be read.");
        if (readable.Count < images.Count)
            Results.Remark(parsed, string.Create(CultureInfo.InvariantCulture, $"{images.Count - readable.Count} of {images.Count} images of '{path}' cannot be read and are left out."));
        return readable;
    }

    public static MLImage Load(ParseResult parsed, ListedImage image, CancellationToken cancellationToken) => ImageInput.Load(parsed, image.Path, cancellationToken);
}
