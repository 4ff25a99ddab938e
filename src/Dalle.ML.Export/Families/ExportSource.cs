using System.Globalization;
using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Text.Tokenizers;

namespace Dalle.ML.Export.Families;

/// <summary>The source of an export: files of a checkpoint, or random weights of a published size.</summary>
/// <param name="paths">One folder, or files.</param>
/// <param name="size">The size if weights are random, else null.</param>
/// <param name="options">The options of the export.</param>
internal sealed class ExportSource(IReadOnlyList<string> paths, string? size, ExportOptions options) : IDisposable
{
    private readonly List<Checkpoint> _opened = [];
    private readonly List<string> _notes = [];

    /// <summary>What the caller should know of the export: what was assumed, and what was left out.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>Name of a published geometry, whose weights are random; null where there is a checkpoint.</summary>
    public string? Size => size;

    public Precision Precision => options.Precision;

    /// <summary>Refuses to quantise the weights of a family of diffusion models.</summary>
    /// <exception cref="ArgumentException">The precision is neither fp32 nor fp16.</exception>
    public void RequireFloats(string family)
    {
        if (Precision is not (Precision.Fp32 or Precision.Fp16))
            throw new ArgumentException($"The family '{family}' can be exported as fp32 or fp16, not as {Precision.Name()}: its quality at fewer bits is not known.");
    }

    /// <summary>All files that were given, those of folders in the order of their names.</summary>
    public IEnumerable<string> Files => paths.SelectMany(path => Directory.Exists(path) ? Directory.GetFiles(path).Order(StringComparer.Ordinal) : (IEnumerable<string>)[path]);

    /// <summary>
    /// Opens a model, whatever its trainer wrapped it in, or random weights. Its file is found as by <see cref="Find"/> and stays open as long
    /// as this source.
    /// </summary>
    /// <param name="part">Number of the file where files were given one by one.</param>
    /// <param name="tensor">A tensor of every such model.</param>
    /// <param name="names">Usual names of the file.</param>
    /// <exception cref="InvalidDataException">There is no such model, or more than one; see <see cref="ModelSubtrees"/>.</exception>
    public Checkpoint OpenModel(int part, string tensor, params string[] names) => Open(part, names).FindSubtree(tensor, Note);

    /// <summary>Opens a whole file as <see cref="OpenModel"/>.</summary>
    public Checkpoint Open(int part, params string[] names) => Keep(size is null ? Checkpoint.Open(Find(part, names)) : new RandomCheckpoint(seed: part));

    /// <summary>Random weights of a deviation.</summary>
    /// <param name="part">Number of the file that they stand for.</param>
    /// <param name="deviation">Their standard deviation; that of an untrained network, layer by layer, if null.</param>
    public Checkpoint OpenRandom(int part, float? deviation) => Keep(new RandomCheckpoint(part, deviation));

    /// <summary>Opens one of <see cref="Files"/>, which stays open as long as this source.</summary>
    public Checkpoint OpenFile(string file) => Keep(Checkpoint.Open(file));

    /// <summary>As <see cref="Open(int, string[])"/>, null where there is no such file.</summary>
    public Checkpoint? TryOpen(int part, params string[] names) => TryFind(part, names) is { } file ? Keep(Checkpoint.Open(file)) : null;

    /// <summary>
    /// One file of the checkpoint: in its folder the first that exists of the usual names, which may contain subfolders; where files were
    /// given one by one, that of the number, or else what lies beside them.
    /// </summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    public string Find(int part, params string[] names) => TryFind(part, names)
        ?? throw new FileNotFoundException($"The checkpoint at '{string.Join("', '", paths)}' has none of the files {string.Join(", ", names)}.", names[0]);

    /// <summary>As <see cref="Find"/>, null where there is no such file.</summary>
    public string? TryFind(int part, params string[] names)
    {
        string? In(IEnumerable<string> folders) => names.SelectMany(name => folders.Select(folder => Path.Combine(folder, name))).FirstOrDefault(File.Exists);
        var files = paths.Where(File.Exists).ToArray();
        return In(paths.Where(Directory.Exists)) ?? files.ElementAtOrDefault(part) ?? In(files.Select(file => Path.GetDirectoryName(file) ?? ""));
    }

    /// <summary>The first that exists of files within the folders that were given; null where there is none.</summary>
    public string? TryFindIn(params string[] names) =>
        names.SelectMany(name => paths.Where(Directory.Exists).Select(folder => Path.Combine(folder, name))).FirstOrDefault(File.Exists);

    /// <summary>A number that the weights do not tell; null where the caller does not either.</summary>
    /// <exception cref="ArgumentException">The caller's text is not a number.</exception>
    public int? Setting(string name) =>
        !options.Settings.TryGetValue(name, out var text) ? null
        : int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number
        : throw new ArgumentException($"The setting {name} is '{text}'; it must be a whole number.");

    /// <summary>One of a few words that the weights do not tell; null where the caller does not either.</summary>
    /// <exception cref="ArgumentException">The caller's text is another word.</exception>
    public string? Choice(string name, params string[] words) =>
        !options.Settings.TryGetValue(name, out var text) ? null
        : words.Contains(text) ? text
        : throw new ArgumentException($"The setting {name} is '{text}'; it must be one of {string.Join(", ", words)}.");

    /// <summary>A file of this name with the checkpoint or one folder up; null where there is none.</summary>
    public string? Beside(string name)
    {
        var folders = paths.Select(path => Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path))!);
        return folders.SelectMany(folder => new[] { Path.Combine(folder, name), Path.Combine(folder, "..", name) }).FirstOrDefault(File.Exists);
    }

    /// <summary>A whole number in a <c>config.json</c> beside the checkpoint; null where there is none.</summary>
    /// <exception cref="InvalidDataException">The file is not JSON.</exception>
    public int? Configured(string name)
    {
        if (Beside("config.json") is not { } file)
            return null;
        try
        {
            using var config = JsonDocument.Parse(TokenizerFile.ReadBytes(file));
            return config.RootElement.ValueKind == JsonValueKind.Object && config.RootElement.TryGetProperty(name, out var value)
                && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number : null;
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"'{file}' is not a configuration: {JsonFault.Describe(exception)}.", exception);
        }
    }

    /// <summary>Tells the caller what was assumed or left out; nothing is assumed of random weights.</summary>
    public void Note(string note)
    {
        if (size is null && !_notes.Contains(note))
            _notes.Add(note);
    }

    /// <summary>Tells that a value was assumed which nothing in the checkpoint tells.</summary>
    /// <param name="subject">The value's name, as in "the number of attention heads".</param>
    /// <param name="value">The value.</param>
    /// <param name="setting">The setting that gives another; none if null.</param>
    public void NoteAssumed(string subject, object value, string? setting) => Note(string.Create(CultureInfo.InvariantCulture,
        $"{subject} is assumed to be {value}: nothing in the checkpoint tells it.{(setting is null ? "" : $" Set '{setting}' if it is another.")}"));

    /// <summary>Tells that the number of attention heads was assumed, if none was given.</summary>
    public void NoteHeads(int? given, AttentionHeads heads)
    {
        if (given is null)
            NoteAssumed("the number of attention heads", heads.Count, "heads");
    }

    /// <summary>The beginning of the manifest of a model, in the export's precision.</summary>
    /// <param name="family">Name of the family.</param>
    /// <param name="name">Name of the model; by default that of the family, with the size of random weights behind it.</param>
    public Manifest Describe(string family, string? name = null) => new()
    {
        Format = Manifest.CurrentFormat,
        Name = name ?? (size is null ? family : $"{family}-{size}"),
        Family = family,
        Precision = Precision.Name(),
        Files = [],
    };

    public void Dispose() => _opened.ForEach(checkpoint => checkpoint.Dispose());

    private Checkpoint Keep(Checkpoint checkpoint)
    {
        _opened.Add(checkpoint);
        return checkpoint;
    }
}
