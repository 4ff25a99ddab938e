using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>The files of a model, in any order: checkpoints, configurations, and those of the tokenizer of its CLIP.</summary>
internal sealed record GivenFiles(IReadOnlyList<GivenCheckpoint> Checkpoints, IReadOnlyList<string> Configurations, string? FoundVocabulary, string? Merges)
{
    private static readonly string[] Extensions = [".pth", ".pt", ".th", ".bin", ".ckpt", ".safetensors"];
    private static readonly string[] Vocabularies = ["bpe_simple_vocab_16e6.txt.gz", "bpe_simple_vocab_16e6.txt", "vocab.json"];

    /// <exception cref="InvalidDataException">A file is of no known format.</exception>
    public static GivenFiles Open(ExportSource source)
    {
        string[] files = [.. source.Files];
        bool Ends(string file, params string[] ends) => ends.Contains(Path.GetExtension(file).ToLowerInvariant());
        bool IsVocabulary(string file) => Ends(file, ".gz") || Path.GetFileName(file) == "vocab.json" || Ends(file, ".txt") && Path.GetFileName(file) != "merges.txt";
        return new GivenFiles(
            [.. files.Where(file => Ends(file, Extensions)).Select(file => new GivenCheckpoint(file, source.OpenFile(file)))],
            [.. files.Where(file => Ends(file, ".json") && !IsVocabulary(file))],
            files.FirstOrDefault(IsVocabulary) ?? Vocabularies.Select(source.Beside).FirstOrDefault(file => file is not null),
            files.FirstOrDefault(file => Path.GetFileName(file) == "merges.txt") ?? source.Beside("merges.txt"));
    }

    /// <summary>The file of CLIP's tokenizer.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    public string Vocabulary() => FoundVocabulary ?? throw new FileNotFoundException(
        "CLIP's checkpoint has no tokenizer: give bpe_simple_vocab_16e6.txt.gz (of openai/CLIP) too, or put it beside the others.");
}

/// <summary>A checkpoint and where it is.</summary>
internal sealed record GivenCheckpoint(string Path, Checkpoint Checkpoint);
