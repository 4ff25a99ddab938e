namespace Microsoft.ML.Tokenizers;

/// <summary>Reads <c>merges.txt</c>: a pair of tokens a line, the most frequent first.</summary>
internal static class MergesFile
{
    /// <exception cref="FormatException">A line is not a pair; the message tells which.</exception>
    public static List<string> Read(Stream stream)
    {
        var merges = new List<string>();
        using var reader = new StreamReader(stream, leaveOpen: true);
        for (int number = 1; reader.ReadLine() is { } line; number++)
        {
            bool isVersion = number == 1 && line.StartsWith("#version", StringComparison.Ordinal);
            if (isVersion || line.Length == 0)
                continue;
            if (!TryParse(line, out _, out _))
                throw new FormatException($"Line {number} of the merges is not two tokens with a space between them: '{line}'.");
            merges.Add(line);
        }

        return merges;
    }

    public static bool TryParse(string merge, out string left, out string right)
    {
        int space = merge.IndexOf(' ', StringComparison.Ordinal);
        bool isPair = space > 0 && space < merge.Length - 1 && merge.LastIndexOf(' ') == space;
        (left, right) = isPair ? (merge[..space], merge[(space + 1)..]) : ("", "");
        return isPair;
    }
}
