namespace Microsoft.ML.Tokenizers;

/// <summary>What a <see cref="BpeTokenizer"/> is made of.</summary>
public sealed class BpeOptions
{
    public BpeOptions(IEnumerable<KeyValuePair<string, int>> vocabulary)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        Vocabulary = vocabulary;
    }

    public BpeOptions(string vocabFile, string? mergesFile = null)
    {
        ArgumentNullException.ThrowIfNull(vocabFile);
        using var vocabulary = File.OpenRead(vocabFile);
        Vocabulary = VocabularyFile.Read(vocabulary);
        if (mergesFile is not null)
        {
            using var merges = File.OpenRead(mergesFile);
            Merges = MergesFile.Read(merges);
        }
    }

    /// <summary>Pairs of tokens, each written with a space between them, the first to be merged first.</summary>
    public IEnumerable<string>? Merges { get; set; }

    /// <summary>Pieces that are one token each, whatever the merges.</summary>
    public IReadOnlyDictionary<string, int>? SpecialTokens { get; set; }

    public Normalizer? Normalizer { get; set; }

    /// <summary>Without one the whole text is one piece.</summary>
    public PreTokenizer? PreTokenizer { get; set; }

    /// <summary>Stands for what the vocabulary lacks; without one, that is left out.</summary>
    public string? UnknownToken { get; set; }

    /// <summary>Whether neighbouring unknown characters become one unknown token.</summary>
    public bool FuseUnknownTokens { get; set; }

    /// <summary>Precedes every symbol of a piece but the first.</summary>
    public string? ContinuingSubwordPrefix { get; set; }

    /// <summary>Follows the last symbol of a piece.</summary>
    public string? EndOfWordSuffix { get; set; }

    /// <summary>Whether the symbols are the bytes of the text's UTF-8, written as GPT-2 writes them, rather than its characters.</summary>
    public bool ByteLevel { get; set; }

    internal IEnumerable<KeyValuePair<string, int>> Vocabulary { get; }
}
