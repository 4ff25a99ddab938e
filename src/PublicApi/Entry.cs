using Microsoft.CodeAnalysis;

namespace PublicApi;

/// <summary>A line of a public surface: a type, or a member of the type that stands above it.</summary>
internal sealed class Entry(string type, string line, Location place)
{
    public string Type => type;

    public bool IsType => line == type;

    public string Name => IsType ? type : $"{type} {{ {line.Trim()} }}";

    public Location Place => place;

    public static IReadOnlyList<Entry> Of(IEnumerable<(string Line, Location Place)> lines)
    {
        var entries = new List<Entry>();
        var type = "";
        foreach (var (line, place) in lines)
            entries.Add(new(type = line.StartsWith(" ", StringComparison.Ordinal) ? type : line, line, place));
        return entries;
    }
}
