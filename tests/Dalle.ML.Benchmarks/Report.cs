using System.Text.Json;
using System.Text.Json.Serialization;

namespace Dalle.ML.Benchmarks;

/// <summary>The results as a table for people and a file for programs. The spread is that of the middle half of the samples.</summary>
internal sealed class Report(Machine machine, Results results)
{
    public void Print(TextWriter writer)
    {
        string[][] rows =
        [
            ["", "median", "minimum", "spread", ""],
            .. results.Measurements.Select(measurement => new[]
            {
                measurement.Name,
                Show(results.Median(measurement), measurement.Unit),
                Show(results.Minimum(measurement), measurement.Unit),
                $"{results.Spread(measurement):P0}",
                string.Join(", ", measurement.Figures(results, measurement).Select(figure => figure.Text)),
            }),
        ];
        var widths = Enumerable.Range(0, 4).Select(column => rows.Max(row => row[column].Length)).ToArray();
        writer.WriteLine(machine);
        writer.WriteLine();
        foreach (var row in rows)
            writer.WriteLine($"{row[0].PadRight(widths[0])}  {row[1].PadLeft(widths[1])}  {row[2].PadLeft(widths[2])}  {row[3].PadLeft(widths[3])}  {row[4]}".TrimEnd());
    }

    public void Save(string path)
    {
        var file = new ReportFile(machine, [.. results.Measurements.Select(measurement => new ReportEntry(
            measurement.Name,
            measurement.Unit,
            results.Median(measurement),
            results.Minimum(measurement),
            measurement.Figures(results, measurement).ToDictionary(figure => figure.Key, figure => figure.Value),
            results.Samples(measurement)))]);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, JsonSerializer.SerializeToUtf8Bytes(file, ReportContext.Default.ReportFile));
    }

    /// <summary>Three digits or more.</summary>
    private static string Show(double value, string unit) => (value, unit) switch
    {
        (_, "B") => $"{value:F0} B",
        ( < 0.1, _) => Digits(value * 1000, "µs"),
        _ => Digits(value, unit),
    };

    private static string Digits(double value, string unit)
    {
        var format = value switch { >= 100 => "F0", >= 10 => "F1", _ => "F2" };
        return $"{value.ToString(format)} {unit}";
    }
}

internal sealed record ReportFile(Machine Machine, ReportEntry[] Measurements);

internal sealed record ReportEntry(
    string Name, string Unit, double Median, double Minimum, IReadOnlyDictionary<string, double?> Figures, IReadOnlyList<double> Samples);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, NewLine = "\n", WriteIndented = true)]
[JsonSerializable(typeof(ReportFile))]
internal sealed partial class ReportContext : JsonSerializerContext;
