using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Text.Cleaning;
using Dalle.ML.Text.Tokenizers;

namespace Dalle.ML.Training.Data;

/// <summary>The vocabulary of the captions: byte-level BPE in GPT-2's two files.</summary>
internal sealed class TrainingText
{
    private const string VocabularyName = "vocab.json";
    private const string MergesName = "merges.txt";
    private const string NewExtension = ".new";

    // Symbols of bytes and words of any script are written as they are.
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly BpeFiles _files;
    private readonly ByteLevelBpe _bpe;
    private readonly Dictionary<(string, string), int> _ranks = [];

    /// <param name="folder">Has <c>vocab.json</c> and <c>merges.txt</c>.</param>
    /// <param name="hasLeadingSpace">Whether captions, and so prompts, begin with a space.</param>
    /// <exception cref="InvalidDataException">A file is not of its form, or the vocabulary lacks bytes.</exception>
    /// <exception cref="IOException">A file is missing.</exception>
    public TrainingText(string folder, bool hasLeadingSpace = false)
        : this(BpeFiles.Read(Path.Combine(folder, VocabularyName), Path.Combine(folder, MergesName)), folder, hasLeadingSpace)
    {
    }

    private TrainingText(BpeFiles files, string folder, bool hasLeadingSpace)
    {
        HasLeadingSpace = hasLeadingSpace;
        foreach (var merge in files.Merges)
        {
            var at = merge.IndexOf(' ', StringComparison.Ordinal);
            var (first, second) = (merge[..at], merge[(at + 1)..]);
            if (!files.Vocabulary.ContainsKey(first + second))
                throw new InvalidDataException($"The tokenizer in '{folder}' merges '{merge}' to a token that '{VocabularyName}' lacks.");
            _ranks.TryAdd((first, second), _ranks.Count);
        }
        if (ByteSymbols.All.Any(symbol => !files.Vocabulary.ContainsKey(symbol)))
            throw new InvalidDataException($"The tokenizer in '{folder}' is no byte-level BPE: '{VocabularyName}' lacks symbols of single bytes.");
        if (files.Vocabulary.Values.Any(id => id < 0 || id >= 2 * files.Vocabulary.Count))
            throw new InvalidDataException($"The tokenizer in '{folder}' has ids that are negative or far beyond its {files.Vocabulary.Count} tokens.");
        (_files, _bpe, VocabularySize) = (files, new ByteLevelBpe(files), files.Vocabulary.Values.Max() + 1);
    }

    /// <summary>Number of text tokens without padding; every id is below it.</summary>
    public int VocabularySize { get; }

    /// <summary>Ids by token.</summary>
    public IReadOnlyDictionary<string, int> Vocabulary => _files.Vocabulary;

    /// <summary>Whether captions, and so prompts, are put into lower case.</summary>
    public bool IsLowercase { get; } = true;

    /// <summary>Whether captions, and so prompts, begin with a space.</summary>
    public bool HasLeadingSpace { get; }

    /// <summary>Whether a folder has a vocabulary.</summary>
    public static bool IsIn(string folder) => File.Exists(Path.Combine(folder, VocabularyName)) && File.Exists(Path.Combine(folder, MergesName));

    /// <summary>Learns a vocabulary from captions: the same for the same captions in any order.</summary>
    /// <param name="captions">The captions.</param>
    /// <param name="size">Number of tokens, the 256 bytes included; fewer where the captions do not have so many parts that occur twice.</param>
    public static TrainingText Learn(IEnumerable<string> captions, int size) =>
        new TrainingText(new BpeFiles(ByteSymbols.All.Order(StringComparer.Ordinal).Index().ToDictionary(symbol => symbol.Item, symbol => symbol.Index), []), "", hasLeadingSpace: false)
            .Extend(captions, size - ByteSymbols.All.Count);

    /// <summary>Adds the words of more captions. Tokens that there are keep their ids, and words that are one token stay one.</summary>
    /// <param name="captions">The captions.</param>
    /// <param name="count">The most tokens to add.</param>
    public TrainingText Extend(IEnumerable<string> captions, int count)
    {
        var words = captions.SelectMany(caption => Words.OfGpt2(Clean(caption))).CountBy(word => word)
            .Select(word => (Split(word.Key, 0, Random.Shared), (long)word.Value));
        var vocabulary = new Dictionary<string, int>(_files.Vocabulary);
        var merges = new List<string>(_files.Merges);
        foreach (var (first, second) in BpeTrainer.Merges(words))
        {
            if (vocabulary.Count - _files.Vocabulary.Count >= count)
                break;
            merges.Add($"{first} {second}");
            // Another pair may make the same token.
            vocabulary.TryAdd(first + second, VocabularySize + vocabulary.Count - _files.Vocabulary.Count);
        }
        return new TrainingText(new BpeFiles(vocabulary, merges), "", HasLeadingSpace);
    }

    /// <summary>The ids of a caption, as many as it has: neither cut nor padded. Thread-safe.</summary>
    /// <param name="caption">The caption.</param>
    /// <param name="dropout">Probability that a merge is left out; 0 for the ids that the trained model reads prompts as.</param>
    /// <param name="random">Where <paramref name="dropout"/> is not 0, tells which merges are left out.</param>
    /// <remarks>
    /// With BPE dropout (Provilkov et al. 2020), half of the words lose each merge with that probability: so the model learns what the parts
    /// of words mean, and reads words that no caption had.
    /// </remarks>
    public int[] Encode(string caption, double dropout, Random random)
    {
        var text = Clean(caption);
        return dropout == 0 ? [.. _bpe.Encode(text)]
            : [.. Words.OfGpt2(text).SelectMany(word => random.Next(2) == 0 ? Split(word, dropout, random).Select(token => _files.Vocabulary[token]) : _bpe.Encode(word))];
    }

    /// <summary>Writes <c>vocab.json</c> and <c>merges.txt</c> into a folder.</summary>
    public void Save(string folder)
    {
        var vocabulary = _files.Vocabulary.OrderBy(token => token.Value).ToDictionary();
        Write(VocabularyName, JsonSerializer.SerializeToUtf8Bytes(vocabulary, Json));
        Write(MergesName, Encoding.UTF8.GetBytes("#version: 0.2\n" + string.Concat(_files.Merges.Select(merge => merge + "\n"))));

        void Write(string name, byte[] content)
        {
            var path = Path.Combine(folder, name);
            File.WriteAllBytes(path + NewExtension, content);
            File.Move(path + NewExtension, path, overwrite: true);
        }
    }

    private string Clean(string caption) =>
        TextCleaner.Clean(caption, HasLeadingSpace ? [TextCleaning.Lowercase, TextCleaning.LeadingSpace] : [TextCleaning.Lowercase]);

    /// <summary>The tokens of a word: the first of the merges that apply is done everywhere, until none is left.</summary>
    private List<string> Split(string word, double dropout, Random random)
    {
        var tokens = ByteSymbols.Of(word);
        while (true)
        {
            var best = (Rank: int.MaxValue, First: "", Second: "");
            for (var i = 0; i + 1 < tokens.Count; i++)
            {
                if (_ranks.TryGetValue((tokens[i], tokens[i + 1]), out var rank) && rank < best.Rank && (dropout == 0 || random.NextDouble() >= dropout))
                    best = (rank, tokens[i], tokens[i + 1]);
            }
            if (best.Rank == int.MaxValue)
                return tokens;
            BpeTrainer.Merge(tokens, best.First, best.Second);
        }
    }
}
