using System.Text.Json;
using Dalle.ML.Prompts;

namespace Dalle.ML.Training.Data;

/// <summary>Reads lists of images and captions: comma- or tab-separated values with a header, or a JSON object a line.</summary>
internal static class CaptionList
{
    public static string[] Extensions { get; } = [".csv", ".tsv", ".jsonl"];

    /// <summary>Path and captions of each entry, with the line that it begins on.</summary>
    /// <exception cref="InvalidDataException">A line is wrong; the message names file, line and remedy.</exception>
    public static IReadOnlyList<(int Line, string Path, IReadOnlyList<string> Captions)> Read(string file, CaptionColumns columns)
    {
        try
        {
            using var stream = File.OpenRead(file);
            var lines = Utf8Lines.Read(stream);
            return Path.GetExtension(file).ToLowerInvariant() switch
            {
                ".jsonl" => [.. lines.Where(line => !string.IsNullOrWhiteSpace(line.Text)).Select(line => Object(line.Number, line.Text, columns))],
                ".tsv" => [.. Table(lines, '\t', columns)],
                _ => [.. Table(lines, ',', columns)],
            };
        }
        catch (FormatException exception)
        {
            throw new InvalidDataException($"'{file}', {exception.Message}", exception);
        }
    }

    private static IEnumerable<(int Line, string Path, IReadOnlyList<string> Captions)> Table(
        IEnumerable<(int Number, string Text)> lines, char separator, CaptionColumns columns)
    {
        string[]? header = null;
        var (image, caption) = (-1, -1);
        foreach (var (line, fields) in CsvRecords.Read(lines, separator))
        {
            if (header is null)
            {
                header = [.. fields.Select(field => field.Trim())];
                image = At(line, () => Array.IndexOf(header, columns.ImageOf(header)));
                caption = At(line, () => columns.CaptionOf(header) is { } name ? Array.IndexOf(header, name) : -1);
                continue;
            }
            if (fields.Count != header.Length)
                throw new FormatException($"line {line}: there are {fields.Count} values for {header.Length} columns. Put quotes around a caption that contains the separator.");
            yield return (line, fields[image].Trim(), caption < 0 ? [] : [fields[caption]]);
        }
    }

    private static (int Line, string Path, IReadOnlyList<string> Captions) Object(int line, string text, CaptionColumns columns)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            if (json.RootElement.ValueKind != JsonValueKind.Object)
                throw new FormatException($"line {line}: this is not a JSON object. Write one per line, e.g. {{\"path\": \"1.jpg\", \"caption\": \"a red apple\"}}.");
            string[] names = [.. json.RootElement.EnumerateObject().Select(property => property.Name)];
            var image = At(line, () => columns.ImageOf(names));
            var caption = At(line, () => columns.CaptionOf(names));
            return (line, Text(image), caption is null ? [] : Texts(caption));

            string Text(string name) => json.RootElement.GetProperty(name) is { ValueKind: JsonValueKind.String } value ? value.GetString()!.Trim()
                : throw new FormatException($"line {line}: \"{name}\" is not a string.");

            // Data sets with several captions an image, such as COCO's, have a list of them.
            string[] Texts(string name) => json.RootElement.GetProperty(name) switch
            {
                { ValueKind: JsonValueKind.Null } => [],
                { ValueKind: JsonValueKind.String } value => [value.GetString()!],
                { ValueKind: JsonValueKind.Array } list when list.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String) =>
                    [.. list.EnumerateArray().Select(item => item.GetString()!)],
                _ => throw new FormatException($"line {line}: \"{name}\" is neither a string nor a list of strings."),
            };
        }
        catch (JsonException exception)
        {
            throw new FormatException($"line {line}: this is not JSON, or is nested too deeply, at byte {exception.BytePositionInLine + 1}. Write one object per line.", exception);
        }
        catch (InvalidOperationException exception)
        {
            throw new FormatException($"line {line}: a text has half of a surrogate pair. Write the whole character.", exception);
        }
    }

    private static T At<T>(int line, Func<T> find)
    {
        try
        {
            return find();
        }
        catch (FormatException exception)
        {
            throw new FormatException($"line {line}: {exception.Message}", exception);
        }
    }
}
