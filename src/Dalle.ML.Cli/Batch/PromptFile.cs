using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Dalle.ML.Cli.Batch;

/// <summary>
/// Reads the prompts of a batch: lines of text, comma- or tab-separated values with a header, or JSON objects a line. All mistakes are found
/// here, before anything is drawn.
/// </summary>
internal static class PromptFile
{
    public const string StandardInput = "-";

    public static readonly string[] Formats = ["txt", "csv", "tsv", "jsonl"];

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The format that a path's ending names; null if none.</summary>
    public static string? FormatOf(string path) =>
        path == StandardInput ? "txt" : Formats.FirstOrDefault(format => Path.GetExtension(path).Equals("." + format, StringComparison.OrdinalIgnoreCase));

    /// <exception cref="InvalidDataException">A line is wrong; the message names file, line and remedy.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IReadOnlyList<BatchPrompt> Read(string path, string format)
    {
        var name = path == StandardInput ? "standard input" : path;
        try
        {
            var text = Decode(ReadBytes(path));
            var records = format switch
            {
                "csv" => Table(text, ','),
                "tsv" => Table(text, '\t'),
                "jsonl" => Objects(text),
                _ => Lines(text).Where(line => line.Text.Trim().Length > 0).Select(line => new Record(line.Number, line.Text.Trim(), null, null)),
            };
            return Number([.. records]);
        }
        catch (FormatException exception)
        {
            throw new InvalidDataException($"{name}, {exception.Message}", exception);
        }
    }

    private static byte[] ReadBytes(string path)
    {
        if (path != StandardInput)
            return File.ReadAllBytes(path);
        using var input = Console.OpenStandardInput();
        using var bytes = new MemoryStream();
        input.CopyTo(bytes);
        return bytes.ToArray();
    }

    private static string Decode(byte[] bytes)
    {
        var content = bytes.AsSpan();
        if (content.StartsWith(Encoding.UTF8.Preamble))
            content = content[Encoding.UTF8.Preamble.Length..];
        try
        {
            return StrictUtf8.GetString(content);
        }
        catch (DecoderFallbackException exception)
        {
            // The first invalid byte is on the first line that is not valid by itself: a line feed is never part of a character.
            var line = 1;
            while (content.IndexOf((byte)'\n') is >= 0 and var end && System.Text.Unicode.Utf8.IsValid(content[..end]))
            {
                line++;
                content = content[(end + 1)..];
            }
            throw new FormatException($"line {line}: the bytes are not UTF-8. Save the file as UTF-8.", exception);
        }
    }

    private static IEnumerable<(int Number, string Text)> Lines(string text) =>
        text.Split('\n').Select((line, i) => (i + 1, line.EndsWith('\r') ? line[..^1] : line));

    private static IEnumerable<Record> Table(string text, char separator)
    {
        IReadOnlyList<string>? header = null;
        foreach (var (line, fields) in new CsvRecords(text, separator).Read())
        {
            if (header is null)
            {
                header = [.. fields.Select(name => name.Trim().ToLowerInvariant())];
                if (header.Count(name => name == "prompt") != 1)
                    throw new FormatException($"line {line}: the header has no column 'prompt', or several; it has: {string.Join(", ", fields)}. Name the column of the prompts so.");
                continue;
            }
            if (fields.Count != header.Count)
                throw new FormatException($"line {line}: there are {fields.Count} values for {header.Count} columns. Put a prompt that has the separator in quotes.");
            var seed = Value("seed")?.Trim();
            yield return new Record(line, fields[IndexOf("prompt")], Empty(Value("id")), Empty(seed) is { } digits ? Seed(line, digits) : null);

            int IndexOf(string column) => header.Select((name, i) => name == column ? i : -1).Max();
            string? Value(string column) => IndexOf(column) is >= 0 and var i ? fields[i] : null;
        }
        static string? Empty(string? value) => string.IsNullOrEmpty(value) ? null : value;
    }

    private static IEnumerable<Record> Objects(string text) => Lines(text).Where(line => line.Text.Trim().Length > 0).Select(line =>
    {
        try
        {
            using var json = JsonDocument.Parse(line.Text);
            if (json.RootElement.ValueKind != JsonValueKind.Object)
                throw new FormatException($"line {line.Number}: this is not a JSON object. Write one a line, e.g. {{\"prompt\": \"a red apple\"}}.");
            return new Record(
                line.Number,
                Text("prompt") ?? throw new FormatException($"line {line.Number}: there is no \"prompt\". Give one, e.g. {{\"prompt\": \"a red apple\"}}."),
                Text("id"),
                Property("seed") is { } seed ? Seed(line.Number, seed.GetRawText()) : null);

            JsonElement? Property(string name) =>
                json.RootElement.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
            string? Text(string name) => Property(name) switch
            {
                null => null,
                { ValueKind: JsonValueKind.String } value => value.GetString(),
                _ => throw new FormatException($"line {line.Number}: \"{name}\" is not a string. Put it in quotes."),
            };
        }
        catch (JsonException exception)
        {
            throw new FormatException($"line {line.Number}: this is not JSON ({exception.Message}). Write one object a line.", exception);
        }
        catch (InvalidOperationException exception)
        {
            throw new FormatException($"line {line.Number}: {exception.Message} Write half surrogates as whole characters.", exception);
        }
    });

    private static ulong Seed(int line, string text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seed)
            ? seed
            : throw new FormatException($"line {line}: '{text}' is not a seed. Seeds are whole numbers from 0 to {ulong.MaxValue}.");

    /// <summary>Gives each prompt its number, and an id where it has none.</summary>
    private static List<BatchPrompt> Number(List<Record> records)
    {
        if (records.Count == 0)
            throw new FormatException("line 1: there is no prompt. Give one a line.");
        var width = (records.Count - 1).ToString(CultureInfo.InvariantCulture).Length;
        var prompts = new List<BatchPrompt>(records.Count);

        // Names that differ in case only are one file on many systems.
        var lines = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        foreach (var (line, prompt, givenId, seed) in records)
        {
            if (string.IsNullOrWhiteSpace(prompt))
                throw new FormatException($"line {line}: the prompt is empty. Write one, or remove the line.");
            var id = givenId ?? prompts.Count.ToString(CultureInfo.InvariantCulture).PadLeft(width, '0');
            if (BatchPrompt.Objection(id) is { } objection)
                throw new FormatException($"line {line}: the id '{string.Concat(id.Select(character => char.IsControl(character) ? '?' : character))}' {objection}. Choose another.");
            if (!lines.TryAdd(id, line))
                throw new FormatException($"line {line}: the id '{id}' is that of line {lines[id]} already (case aside). Choose another.");
            prompts.Add(new BatchPrompt(prompts.Count, id, prompt, seed));
        }
        return prompts;
    }

    private sealed record Record(int Line, string Prompt, string? Id, ulong? Seed);
}
