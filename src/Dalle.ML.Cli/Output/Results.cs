using System.CommandLine;

namespace Dalle.ML.Cli;

/// <summary>Writes results to standard output: text for people, or one line of JSON per result for machines.</summary>
internal static class Results
{
    private const string ColumnGap = "  ";

    public static Option<bool> Json { get; } = new("--json") { Description = "Report each result as a line of JSON." };

    public static Option<bool> Quiet { get; } = new("--quiet", "-q") { Description = "No progress and no remarks." };

    /// <summary>Writes one result as a line of JSON.</summary>
    public static void WriteJson(ParseResult parsed, object result) => parsed.Console().Output.WriteLine(JsonLine.Text(result));

    /// <summary>Writes one result either way.</summary>
    public static void Write(ParseResult parsed, string text, object json) =>
        parsed.Console().Output.WriteLine(parsed.GetValue(Json) ? JsonLine.Text(json) : text);

    /// <summary>Writes rows with their columns aligned; the last column has any width.</summary>
    public static void WriteTable(ParseResult parsed, IReadOnlyList<string[]> rows)
    {
        var widths = Enumerable.Range(0, rows.Max(row => row.Length)).Select(column => rows.Max(row => row.ElementAtOrDefault(column)?.Length ?? 0)).ToArray();
        foreach (var row in rows)
            parsed.Console().Output.WriteLine(string.Join(ColumnGap, row.Select((cell, column) => column == row.Length - 1 ? cell : cell.PadRight(widths[column]))));
    }

    /// <summary>Writes a remark to standard error.</summary>
    public static void Remark(ParseResult parsed, string remark) => parsed.Console().Error.WriteLine($"dalle: {remark}");

    /// <summary>A number that JSON can hold, or none.</summary>
    public static float? Finite(float value) => float.IsFinite(value) ? value : null;
}
