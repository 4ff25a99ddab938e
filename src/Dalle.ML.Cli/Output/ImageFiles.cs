using System.Globalization;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary>
/// Saves images as PNG files. A file appears whole or not at all, and a different picture of the same
/// name is never overwritten.
/// </summary>
internal sealed class ImageFiles
{
    private readonly string _folder;

    /// <exception cref="IOException">The folder cannot be created.</exception>
    public ImageFiles(string folder)
    {
        _folder = folder;
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The output folder '{folder}' cannot be created: {Obstacle.OfFolder(exception, folder)}", exception);
        }
    }

    /// <summary>Saves an image; the path may have a number added to the name, which has no extension.</summary>
    public string Save(MLImage image, string name)
    {
        name = FileNames.Fit(name);
        var draft = Path.Combine(_folder, $".{Guid.NewGuid():N}.png");
        var bytes = image.ToPng();
        try
        {
            Write(bytes, draft, Path.Combine(_folder, name + ".png"));
            for (var copy = 1; ; copy++)
            {
                var path = Path.Combine(_folder, copy == 1 ? $"{name}.png" : string.Create(CultureInfo.InvariantCulture, $"{name}_{copy}.png"));
                if (TryMove(draft, path) || File.ReadAllBytes(path).AsSpan().SequenceEqual(bytes))
                    return path;
            }
        }
        finally
        {
            File.Delete(draft);
        }
    }

    private static void Write(byte[] bytes, string draft, string target)
    {
        try
        {
            File.WriteAllBytes(draft, bytes);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"'{target}' cannot be written: {Obstacle.Of(exception, target)}", exception);
        }
    }

    /// <summary>Moves a file unless the target exists, even if somebody makes it at the same time.</summary>
    private static bool TryMove(string source, string target)
    {
        try
        {
            File.Move(source, target, overwrite: false);
            return true;
        }
        catch (IOException) when (File.Exists(target))
        {
            return false;
        }
    }
}
