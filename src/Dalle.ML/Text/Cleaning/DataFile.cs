namespace Dalle.ML.Text.Cleaning;

/// <summary>The lines of the tables in the folders Unicode and Whatwg, which the assembly carries; those after a # are remarks.</summary>
internal static class DataFile
{
    public static IEnumerable<string> Lines(string file)
    {
        using var reader = new StreamReader(typeof(DataFile).Assembly.GetManifestResourceStream(file)!);
        while (reader.ReadLine() is { } line)
        {
            if (!line.StartsWith("# ", StringComparison.Ordinal))
                yield return line;
        }
    }
}
