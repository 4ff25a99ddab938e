namespace Microsoft.ML;

/// <summary>Counts and lists of names in model files, which are not trusted.</summary>
internal static class ModelFormat
{
    private const int MaxCount = 1 << 16;

    /// <summary>A count that was written as an integer.</summary>
    internal static int ReadCount(this BinaryReader reader)
    {
        var count = reader.ReadInt32();
        return count is >= 0 and <= MaxCount ? count : throw new FormatException($"The model is corrupt: a count of {count}.");
    }

    internal static void WriteStrings(this BinaryWriter writer, IReadOnlyCollection<string> strings)
    {
        writer.Write(strings.Count);
        foreach (var text in strings)
            writer.Write(text);
    }

    internal static string[] ReadStrings(this ModelLoadContext context)
    {
        var strings = new List<string>();
        for (var left = context.Reader.ReadCount(); left > 0; left--)
            strings.Add(context.Reader.ReadString());
        return [.. strings];
    }
}
