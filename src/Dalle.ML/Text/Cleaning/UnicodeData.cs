namespace Dalle.ML.Text.Cleaning;

/// <summary>The lines of the files in the folder Unicode, which the assembly carries.</summary>
internal static class UnicodeData
{
    public static IEnumerable<string> Lines(string file)
    {
        using var reader = new StreamReader(typeof(UnicodeData).Assembly.GetManifestResourceStream(file)!);
        while (reader.ReadLine() is { } line)
            yield return line;
    }
}
