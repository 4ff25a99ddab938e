namespace Dalle.ML.Cli.Batch;

/// <summary>The names of images, and what an id must be for them on any system.</summary>
internal static class FileNames
{
    // With ".png" well below the 255 bytes that file systems allow, in UTF-8's longest characters.
    private const int Longest = 60;

    public static string OfImage(string id) => id + ".png";

    /// <summary>What is wrong with an id; null if nothing is.</summary>
    public static string? Objection(string id)
    {
        if (id.Length is 0 or > Longest)
            return $"has {id.Length} characters; an id has 1 to {Longest}";
        if (id.Any(character => char.IsControl(character) || "/\\:*?\"<>|".Contains(character)))
            return "has a control character or one of / \\ : * ? \" < > |, which file names cannot have everywhere";
        if (id[0] == '.' || id[^1] is '.' or ' ' || id[0] == ' ')
            return "begins with a dot or space, or ends with one";
        return IsReserved(id) ? "is a device's name on Windows" : null;
    }

    private static bool IsReserved(string id)
    {
        var stem = id.Split('.')[0].ToUpperInvariant();
        return stem is "CON" or "PRN" or "AUX" or "NUL" || (stem.Length == 4 && stem[..3] is "COM" or "LPT" && char.IsAsciiDigit(stem[^1]));
    }
}
