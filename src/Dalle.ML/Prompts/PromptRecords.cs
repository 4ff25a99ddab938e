using System.Globalization;
using System.Text.Json;

namespace Dalle.ML.Prompts;

/// <summary>Reads prompts one by one: lines of text, comma- or tab-separated values with a header, or one JSON object per line.</summary>
internal static class PromptRecords
{
    private const string PromptColumn = "prompt";
    private const string IdColumn = "id";
    private const string SeedColumn = "seed";

    // In characters. Models read a few dozen words.
    private const int LongestPrompt = 1 << 16;
    private const int LongestCitation = 100;

    /// <exception cref="FormatException">A line is wrong; the message begins with the line, and names the remedy.</exception>
    public static IEnumerable<PromptRecord> Read(Stream stream, PromptFormat format)
    {
        var lines = Utf8Lines.Read(stream, endsAtCR: format == PromptFormat.Txt);
        var records = format switch
        {
            PromptFormat.Csv => Table(lines, ','),
            PromptFormat.Tsv => Table(lines, '\t'),
            PromptFormat.Jsonl => lines.Where(HasText).Select(line => Object(line.Number, line.Text.TrimEnd())),
            _ => lines.Where(HasText).Select(line => new PromptRecord(line.Number, line.Text.Trim(), Id: null, Seed: null)),
        };
        return records.Select(record => string.IsNullOrWhiteSpace(record.Prompt)
            ? throw new FormatException($"line {record.Line}: the prompt is empty. Write one, or remove the line.")
            : record.Prompt.Length > LongestPrompt
            ? throw new FormatException($"line {record.Line}: the prompt has {record.Prompt.Length} characters; at most {LongestPrompt} are read. Shorten it.")
            : record);

        static bool HasText((int Number, string Text) line) => !string.IsNullOrWhiteSpace(line.Text);
    }

    private static IEnumerable<PromptRecord> Table(IEnumerable<(int Number, string Text)> lines, char separator)
    {
        Dictionary<string, int>? columns = null;
        var width = 0;
        foreach (var (line, fields) in CsvRecords.Read(lines, separator))
        {
            if (columns is null)
            {
                (columns, width) = (Header(line, fields), fields.Count);
                continue;
            }
            if (fields.Count != width)
                throw new FormatException($"line {line}: there are {fields.Count} values for {width} columns. Quote a prompt that contains the separator.");
            yield return new PromptRecord(
                line,
                fields[columns[PromptColumn]],
                Value(IdColumn),
                Value(SeedColumn)?.Trim() is { Length: > 0 } seed ? Seed(line, seed) : null);

            string? Value(string column) => columns.TryGetValue(column, out var index) && fields[index].Length > 0 ? fields[index] : null;
        }
    }

    /// <summary>Where the columns are that are read.</summary>
    private static Dictionary<string, int> Header(int line, IReadOnlyList<string> fields)
    {
        var columns = new Dictionary<string, int>();
        for (var i = 0; i < fields.Count; i++)
        {
            var column = fields[i].Trim().ToLowerInvariant();
            if (column is PromptColumn or IdColumn or SeedColumn && !columns.TryAdd(column, i))
                throw new FormatException($"line {line}: the header has several columns '{column}'. Rename all but one.");
        }
        return columns.ContainsKey(PromptColumn)
            ? columns
            : throw new FormatException($"line {line}: the header has no column '{PromptColumn}'; it has: {Cite(string.Join(", ", fields))}. Rename the prompt column to '{PromptColumn}'.");
    }

    private static PromptRecord Object(int line, string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            if (json.RootElement.ValueKind != JsonValueKind.Object)
                throw new FormatException($"line {line}: this is not a JSON object. Write one per line, e.g. {{\"prompt\": \"a red apple\"}}.");
            return new PromptRecord(
                line,
                Text(PromptColumn) ?? throw new FormatException($"line {line}: there is no \"prompt\". Add one, e.g. {{\"prompt\": \"a red apple\"}}."),
                // As in a table, an empty id is none.
                Text(IdColumn) is { Length: > 0 } id ? id : null,
                Property(SeedColumn) is { } seed ? Seed(line, seed.GetRawText()) : null);

            JsonElement? Property(string name) =>
                json.RootElement.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
            string? Text(string name) => Property(name) switch
            {
                null => null,
                { ValueKind: JsonValueKind.String } value => value.GetString(),
                _ => throw new FormatException($"line {line}: \"{name}\" is not a string. Put it in quotes."),
            };
        }
        catch (JsonException exception)
        {
            throw new FormatException($"line {line}: this is not JSON, or is nested too deeply, at byte {exception.BytePositionInLine + 1}. Write one object per line, e.g. {{\"prompt\": \"a red apple\"}}.", exception);
        }
        catch (InvalidOperationException exception)
        {
            throw new FormatException($"line {line}: a text has half of a surrogate pair. Write the whole character.", exception);
        }
    }

    /// <summary>The beginning of a text, for messages.</summary>
    private static string Cite(string text) => text.Length <= LongestCitation ? text : text[..LongestCitation] + "…";

    private static ulong Seed(int line, string text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seed)
            ? seed
            : throw new FormatException($"line {line}: '{Cite(text)}' is not a seed. Seeds are whole numbers from 0 to {ulong.MaxValue}.");
}
