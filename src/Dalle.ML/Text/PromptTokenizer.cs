using System.Text.RegularExpressions;
using Dalle.ML.Models;
using Microsoft.ML.Tokenizers;

namespace Dalle.ML.Text;

/// <summary>Turns prompts into the fixed number of ids that a graph takes. Thread-safe.</summary>
internal sealed partial class PromptTokenizer
{
    private readonly TextFormat _format;
    private readonly BpeTokenizer _bpe;

    /// <exception cref="DalleBundleException">The tokenizer's files cannot be read.</exception>
    public PromptTokenizer(Bundle bundle, TextFormat format)
    {
        _format = format;
        var (vocabulary, merges) = (bundle.PathOf(format.Tokenizer.Vocabulary), bundle.PathOf(format.Tokenizer.Merges));
        try
        {
            _bpe = BpeTokenizer.Create(new BpeOptions(vocabulary, merges) { ByteLevel = true });
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            throw bundle.Error($"the tokenizer files '{format.Tokenizer.Vocabulary}' and '{format.Tokenizer.Merges}' cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>The prompt that guidance is measured against: no text at all.</summary>
    public long[] Unconditional(string prompt) => Pad([]);

    /// <summary>The ids of a prompt, cut or padded to the model's length.</summary>
    public long[] Encode(string prompt) => Pad(Ids(prompt));

    /// <summary>The number of ids of a prompt before padding.</summary>
    public int Count(string prompt) => Math.Min(Ids(prompt).Count, _format.Length);

    private List<long> Ids(string prompt)
    {
        var text = _format.Tokenizer.Lowercase ? prompt.ToLowerInvariant() : prompt;
        var ids = new List<long>(_format.Length);
        foreach (var word in Words().EnumerateMatches(text))
        {
            foreach (var id in _bpe.EncodeToIds(text.AsSpan(word.Index, word.Length), considerPreTokenization: false))
                ids.Add(id);
            if (ids.Count >= _format.Length)
                break;
        }
        return ids;
    }

    private long[] Pad(List<long> ids)
    {
        var padded = new long[_format.Length];
        for (var i = 0; i < padded.Length; i++)
            padded[i] = i < ids.Count ? ids[i] : _format.PaddingId + (_format.Padding == Padding.PerPosition ? i : 0);
        return padded;
    }

    // GPT-2's split into words, each with the space before it (openai/gpt-2, src/encoder.py).
    [GeneratedRegex(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", RegexOptions.CultureInvariant)]
    private static partial Regex Words();
}
