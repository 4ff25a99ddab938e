using Dalle.ML.Text.Tokenizers;

namespace Dalle.ML.Training.Data;

/// <summary>The vocabulary of the captions: byte-level BPE in GPT-2's two files.</summary>
internal sealed class TrainingText
{
    private readonly string _folder;
    private readonly ByteLevelBpe _bpe;

    /// <param name="folder">Has <c>vocab.json</c> and <c>merges.txt</c>.</param>
    public TrainingText(string folder)
    {
        var files = BpeFiles.Read(Path.Combine(folder, "vocab.json"), Path.Combine(folder, "merges.txt"));
        (_folder, _bpe, VocabularySize) = (folder, new ByteLevelBpe(files), files.Vocabulary.Values.Max() + 1);
    }

    /// <summary>Number of text tokens without padding; every id is below it.</summary>
    public int VocabularySize { get; }

    /// <summary>Whether captions, and so prompts, are put into lower case.</summary>
    public bool IsLowercase => true;

    /// <summary>The ids of a caption, as many as it has: neither cut nor padded.</summary>
    /// <param name="caption">The caption.</param>
    /// <param name="dropout">Probability that a merge is left out; 0 for the same ids each time.</param>
    /// <param name="random">Where <paramref name="dropout"/> is not 0, tells which merges are left out.</param>
    public int[] Encode(string caption, double dropout, Random random) => [.. _bpe.Encode(caption.ToLowerInvariant())];

    /// <summary>Writes <c>vocab.json</c> and <c>merges.txt</c> into a folder.</summary>
    public void Save(string folder)
    {
        foreach (var name in new[] { "vocab.json", "merges.txt" })
            File.Copy(Path.Combine(_folder, name), Path.Combine(folder, name), overwrite: true);
    }
}
