using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>The files of a model of DALLE2-pytorch, told apart by their content.</summary>
internal sealed record Dalle2Files(IReadOnlyList<Dalle2File> Checkpoints, IReadOnlyList<string> Configurations, string? FoundVocabulary, string? Merges)
{
    private static readonly string[] Extensions = [".pth", ".pt", ".bin", ".ckpt", ".safetensors"];
    private static readonly string[] Vocabularies = ["bpe_simple_vocab_16e6.txt.gz", "bpe_simple_vocab_16e6.txt", "vocab.json"];

    /// <exception cref="InvalidDataException">A file is of no known format.</exception>
    public static Dalle2Files Open(ExportSource source)
    {
        string[] files = [.. source.Files];
        bool Ends(string file, params string[] ends) => ends.Contains(Path.GetExtension(file).ToLowerInvariant());
        bool IsVocabulary(string file) => Ends(file, ".gz") || Path.GetFileName(file) == "vocab.json" || Ends(file, ".txt") && Path.GetFileName(file) != "merges.txt";
        return new Dalle2Files(
            [.. files.Where(file => Ends(file, Extensions)).Select(file => new Dalle2File(file, source.OpenFile(file)))],
            [.. files.Where(file => Ends(file, ".json") && !IsVocabulary(file))],
            files.FirstOrDefault(IsVocabulary) ?? Vocabularies.Select(source.Beside).FirstOrDefault(file => file is not null),
            files.FirstOrDefault(file => Path.GetFileName(file) == "merges.txt") ?? source.Beside("merges.txt"));
    }

    /// <summary>The file of CLIP's tokenizer.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    public string Vocabulary() => FoundVocabulary ?? throw new FileNotFoundException(
        "CLIP's checkpoint has no tokenizer: give bpe_simple_vocab_16e6.txt.gz (of openai/CLIP) too, or put it beside the others.");

    /// <summary>
    /// The configuration of a prior or a decoder: in its own file, in one that was given, or in one beside it. Where there is none, all
    /// has the package's defaults.
    /// </summary>
    /// <param name="file">The checkpoint.</param>
    /// <param name="part"><c>prior</c> or <c>decoder</c>.</param>
    public Dalle2Settings Settings(Dalle2File file, string part)
    {
        if (Has(file.Checkpoint.Settings))
            return Dalle2Settings.Of(file.Checkpoint.Settings, part);
        var folder = Path.GetDirectoryName(Path.GetFullPath(file.Path))!;
        var beside = new[] { Path.ChangeExtension(file.Path, ".json"), Path.Combine(folder, $"{part}_config.json"), Path.Combine(folder, "config.json") };
        // A configuration in the checkpoint's folder is its own, before one that was given for another.
        var candidates = Configurations.OrderBy(given => Path.GetDirectoryName(Path.GetFullPath(given)) == folder ? 0 : 1).Concat(beside.Where(File.Exists));
        var values = candidates.Select(JsonSettings.Read).FirstOrDefault(Has) ?? new Dictionary<string, object?>();
        return Dalle2Settings.Of(values, part);

        bool Has(IReadOnlyDictionary<string, object?> values) => values.Keys.Any(name => part == "prior"
            ? name.StartsWith("prior.", StringComparison.Ordinal) || name.Contains(".prior.", StringComparison.Ordinal) || name.StartsWith("net.", StringComparison.Ordinal)
            : name.StartsWith("decoder.", StringComparison.Ordinal) || name.Contains(".decoder.", StringComparison.Ordinal) || name.StartsWith("unets.", StringComparison.Ordinal));
    }
}

/// <summary>A checkpoint and where it is.</summary>
internal sealed record Dalle2File(string Path, Checkpoint Checkpoint);
