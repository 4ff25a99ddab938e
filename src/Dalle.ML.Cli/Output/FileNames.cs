using System.Globalization;
using System.Text;

namespace Dalle.ML.Cli;

/// <summary>The names of images, the same on every system.</summary>
internal static class FileNames
{
    // Of a prompt's words and of an id, in characters; and of any name, in bytes: most systems allow 255 with number and ending.
    private const int LongestSlug = 60;
    private const int LongestId = 60;
    private const int LongestName = 200;

    private const string Fallback = "image";

    /// <summary>The name of a prompt's image, without extension.</summary>
    public static string OfPrompt(string prompt, ulong seed) => string.Create(CultureInfo.InvariantCulture, $"{Slug(prompt)}_{seed}");

    /// <summary>A file's name without folder and extension, for the names of what is made from it.</summary>
    public static string OfSource(string path) => path == InputFile.StandardInput ? "stdin"
        : Path.GetFileNameWithoutExtension(path) is { Length: > 0 } stem ? stem : Fallback;

    /// <summary>The file of an id's image.</summary>
    public static string OfId(string id) => id + ".png";

    /// <summary>A name without what file names or lines of output cannot have, and short enough.</summary>
    public static string Fit(string name)
    {
        name = string.Concat(name.Where(character => !IsForbidden(character)));
        while (Encoding.UTF8.GetByteCount(name) > LongestName)
            name = name[..^(char.IsLowSurrogate(name[^1]) ? 2 : 1)];
        return name.Length > 0 ? name : Fallback;
    }

    /// <summary>Why an id cannot name a file; null if it can.</summary>
    public static string? Objection(string id)
    {
        if (id.Length is 0 or > LongestId)
            return $"has {id.Length} characters; an id has 1 to {LongestId}";
        if (id.Any(IsForbidden))
            return "has a control character or one of / \\ : * ? \" < > |, which are not allowed in file names on all systems";
        if (id[0] == '.' || id[^1] is '.' or ' ' || id[0] == ' ')
            return "begins with a dot or space, or ends with one";
        return IsReserved(id) ? "is a reserved device name on Windows" : null;
    }

    private static bool IsForbidden(char character) => char.IsControl(character) || "/\\:*?\"<>|".Contains(character);

    private static bool IsReserved(string id)
    {
        var stem = id.Split('.')[0].ToUpperInvariant();
        return stem is "CON" or "PRN" or "AUX" or "NUL" || (stem.Length == 4 && stem[..3] is "COM" or "LPT" && char.IsAsciiDigit(stem[^1]));
    }

    /// <summary>The words of a prompt: letters and digits, the rest as single dashes.</summary>
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
        return slug.Length > 0 ? slug : Fallback;
    }
}
