namespace Microsoft.ML;

/// <summary>Lists of names in model files.</summary>
internal static class ModelFormat
{
    internal static void WriteStrings(this BinaryWriter writer, IReadOnlyCollection<string> strings)
    {
        writer.Write(strings.Count);
        foreach (var text in strings)
            writer.Write(text);
    }

    internal static string[] ReadStrings(this ModelLoadContext context)
    {
        var strings = new List<string>();
        for (var left = context.ReadCount(); left > 0; left--)
            strings.Add(context.Reader.ReadString());
        return [.. strings];
    }
}
