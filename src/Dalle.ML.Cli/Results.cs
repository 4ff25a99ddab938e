using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Dalle.ML.Cli;

/// <summary>What goes to standard output: text for people, or a line of JSON a result for machines.</summary>
internal static class Results
{
    private const string ColumnGap = "  ";

    public static JsonSerializerOptions JsonOptions { get; } = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static Option<bool> Json { get; } = new("--json") { Description = "Report each result as a line of JSON." };

    public static Option<bool> Quiet { get; } = new("--quiet", "-q") { Description = "No progress and no remarks." };

    public static void WriteJson(object result) => Console.WriteLine(JsonSerializer.Serialize(result, JsonOptions));

    /// <summary>Writes one result either way.</summary>
    public static void Write(ParseResult parsed, string text, object json)
    {
        if (parsed.GetValue(Json))
            WriteJson(json);
        else
            Console.WriteLine(text);
    }

    /// <summary>Writes rows with their columns one under another; the last column is as wide as it likes.</summary>
    public static void WriteTable(IReadOnlyList<string[]> rows)
    {
        var widths = Enumerable.Range(0, rows.Max(row => row.Length)).Select(column => rows.Max(row => row.ElementAtOrDefault(column)?.Length ?? 0)).ToArray();
        foreach (var row in rows)
            Console.WriteLine(string.Join(ColumnGap, row.Select((cell, column) => column == row.Length - 1 ? cell : cell.PadRight(widths[column]))));
    }

    /// <summary>A number that JSON can hold, or none.</summary>
    public static float? Finite(float value) => float.IsFinite(value) ? value : null;
}
