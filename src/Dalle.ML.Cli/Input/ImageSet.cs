using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Dalle.ML.Prompts;

namespace Dalle.ML.Cli;

/// <summary>An image of a set, and what its list tells of it.</summary>
/// <param name="Path">The full path of the file.</param>
internal sealed record ListedImage(string Path)
{
    public string? Prompt { get; init; }

    public ulong? Seed { get; init; }

    /// <summary>Number of the candidate among those of its prompt and seed.</summary>
    public int? Candidate { get; init; }

    /// <summary>The CLIP score by which candidates are ranked.</summary>
    public float? Score { get; init; }

    /// <summary>What it shows: the number of a class of the network that judges it.</summary>
    public int? Label { get; init; }
}

/// <summary>
/// Images to measure: those of a folder, or those that a list names, which 'dalle generate --json' prints and 'dalle batch' writes: a line of JSON or a
/// row of a table for each, with <c>file</c> and optionally <c>prompt</c>, <c>seed</c>, <c>candidate</c>, <c>score</c> and <c>label</c>.
/// </summary>
internal static class ImageSet
{
    private const string BatchList = "manifest.jsonl";

    private static readonly string[] Extensions = [".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"];

    /// <summary>Reads the names of a set's images, in a fixed order.</summary>
    /// <exception cref="IOException">There is no such file or folder.</exception>
    /// <exception cref="InvalidDataException">The folder has no images, or the list is not one.</exception>
    public static IReadOnlyList<ListedImage> Read(ParseResult parsed, string path, CancellationToken cancellationToken)
    {
        var full = parsed.Console().FullPath(path);
        if (Directory.Exists(full))
        {
            if (File.Exists(System.IO.Path.Combine(full, BatchList)))
                return ReadList(parsed, System.IO.Path.Combine(path, BatchList), cancellationToken);
            var files = Directory.EnumerateFiles(full).Where(file => Extensions.Contains(System.IO.Path.GetExtension(file).ToLowerInvariant())).Order(StringComparer.Ordinal).ToArray();
            return files.Length > 0
                ? [.. files.Select(file => new ListedImage(file))]
                : throw new InvalidDataException($"The folder '{path}' has no images ({string.Join(", ", Extensions)}). Folders within it are not read.");
        }
        if (!File.Exists(full))
            throw new FileNotFoundException($"'{path}' does not exist. Name a folder of images, or a list of them in a .jsonl, .csv or .tsv file.", path);
        return PromptFormats.Of(path) is PromptFormat.Jsonl or PromptFormat.Csv or PromptFormat.Tsv
            ? ReadList(parsed, path, cancellationToken)
            : throw new InvalidDataException($"'{path}' is one file. Name a folder of images, or a list of them in a .jsonl, .csv or .tsv file.");
    }

    private static List<ListedImage> ReadList(ParseResult parsed, string path, CancellationToken cancellationToken)
    {
        using var content = InputFile.Read(parsed.Console(), path, "list of images", cancellationToken);
        var folder = System.IO.Path.GetDirectoryName(parsed.Console().FullPath(path))!;
        var images = new List<ListedImage>();
        var failed = 0;
        try
        {
            var lines = Utf8Lines.Read(content, endsAtCR: false);
            foreach (var (line, entry) in PromptFormats.Of(path) == PromptFormat.Jsonl ? Objects(lines) : Table(lines, PromptFormats.Of(path) == PromptFormat.Csv ? ',' : '\t'))
            {
                // A batch lists prompts that failed, and a sheet is no image of a prompt.
                if (entry.Error is not null)
                    failed++;
                else if (entry.Grid is null)
                    images.Add(Listed(line, entry, folder, parsed.Console()));
            }
        }
        catch (FormatException exception)
        {
            throw new InvalidDataException($"'{path}', {exception.Message}", exception);
        }
        if (failed > 0)
            Results.Remark(parsed, string.Create(CultureInfo.InvariantCulture, $"'{path}' lists {failed} prompts that failed; they are left out."));
        return images.Count > 0 ? images : throw new InvalidDataException($"'{path}' lists no images.");
    }

    private static ListedImage Listed(int line, Entry entry, string folder, ToolConsole console)
    {
        if (string.IsNullOrWhiteSpace(entry.File))
            throw new FormatException($"line {line}: no image is named. Each line needs 'file', the path of an image.");
        // As 'dalle generate' prints paths they are full ones, as people write them they are relative to the list or to the current folder.
        var beside = System.IO.Path.GetFullPath(entry.File, folder);
        return new ListedImage(File.Exists(beside) ? beside : console.FullPath(entry.File))
        {
            Prompt = entry.Prompt,
            Seed = entry.Seed,
            Candidate = entry.Candidate,
            Score = entry.Score,
            Label = entry.Label is { } label ? Class(line, label.ToString()) : null,
        };
    }

    private static int Class(int line, string label) => int.TryParse(label, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? number
        : throw new FormatException($"line {line}: 'label' is '{label}'; it must be the number of a class, from 0. Rename the column if it is something else.");

    private static IEnumerable<(int Line, Entry Entry)> Objects(IEnumerable<(int Number, string Text)> lines)
    {
        foreach (var (number, text) in lines)
        {
            if (!string.IsNullOrWhiteSpace(text))
                yield return (number, JsonLine.Read<Entry>(System.Text.Encoding.UTF8.GetBytes(text)) ?? throw new FormatException($"line {number}: it is not a JSON object with 'file', the path of an image, and optionally 'prompt'."));
        }
    }

    private static IEnumerable<(int Line, Entry Entry)> Table(IEnumerable<(int Number, string Text)> lines, char separator)
    {
        string[]? columns = null;
        foreach (var (line, fields) in CsvRecords.Read(lines, separator))
        {
            if (columns is null)
            {
                columns = [.. fields.Select(field => field.Trim().ToLowerInvariant())];
                if (!columns.Contains("file"))
                    throw new FormatException($"line {line}: the header has no column 'file'; it has: {string.Join(", ", fields)}. Rename the column of paths to 'file', that of captions to 'prompt'.");
                continue;
            }
            if (fields.Count != columns.Length)
                throw new FormatException($"line {line}: there are {fields.Count} values for {columns.Length} columns. Quote a caption that contains the separator.");
            yield return (line, new Entry { File = Value("file"), Prompt = Value("prompt"), Label = Value("label") is { } label ? JsonSerializer.SerializeToElement(label) : null });

            string? Value(string column) => Array.IndexOf(columns, column) is >= 0 and var index && fields[index].Length > 0 ? fields[index] : null;
        }
    }

    private sealed record Entry
    {
        public string? File { get; init; }

        public string? Prompt { get; init; }

        public ulong? Seed { get; init; }

        public int? Candidate { get; init; }

        public float? Score { get; init; }

        /// <summary>A number in a line of JSON, a text in a table.</summary>
        public JsonElement? Label { get; init; }

        public string? Error { get; init; }

        public string? Grid { get; init; }
    }
}
