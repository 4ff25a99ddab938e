using System.Globalization;
using System.Text;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary>
/// Saves images as PNG files. A file appears whole or not at all, and a different picture of the same
/// name is never overwritten.
/// </summary>
internal sealed class ImageFiles
{
    // Of a prompt's words, in characters; and of any name, in bytes: most systems allow 255 with number and ending.
    private const int LongestSlug = 60;
    private const int LongestName = 200;

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
            throw new IOException($"The output folder '{folder}' cannot be created: {exception.Message}", exception);
        }
    }

    /// <summary>The name of a prompt's image.</summary>
    public static string NameOf(string prompt, ulong seed) => string.Create(CultureInfo.InvariantCulture, $"{Slug(prompt)}_{seed}");

    /// <summary>Saves an image; the path may have a number added to the name, which has no extension.</summary>
    public string Save(MLImage image, string name)
    {
        name = Fit(name);
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

    /// <summary>A name that a file can have, and that a line of output can hold.</summary>
    private static string Fit(string name)
    {
        name = string.Concat(name.Where(character => !char.IsControl(character) && !Path.GetInvalidFileNameChars().Contains(character)));
        while (Encoding.UTF8.GetByteCount(name) > LongestName)
            name = name[..^(char.IsLowSurrogate(name[^1]) ? 2 : 1)];
        return name.Length > 0 ? name : "image";
    }

    private static void Write(byte[] bytes, string draft, string target)
    {
        try
        {
            File.WriteAllBytes(draft, bytes);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"'{target}' cannot be written: {exception.Message}", exception);
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

    /// <summary>The words of a prompt as a file name: letters and digits, the rest as single dashes.</summary>
    private static string Slug(string prompt)
    {
        var name = new StringBuilder();
        foreach (var rune in prompt.EnumerateRunes())
        {
            if (Rune.IsLetterOrDigit(rune))
                name.Append(Rune.ToLowerInvariant(rune));
            else if (name.Length > 0 && name[^1] != '-')
                name.Append('-');
            if (name.Length >= LongestSlug)
                break;
        }
        var slug = name.ToString().Trim('-');
        return slug.Length > 0 ? slug : "image";
    }
}
