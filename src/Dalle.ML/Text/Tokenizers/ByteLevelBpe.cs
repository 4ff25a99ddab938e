using System.Text.RegularExpressions;
using Microsoft.ML.Tokenizers;

namespace Dalle.ML.Text.Tokenizers;

/// <summary>GPT-2's byte-level BPE (openai/gpt-2, src/encoder.py), which Bart and DALL·E mini share.</summary>
internal sealed partial class ByteLevelBpe(string vocabulary, string merges) : ITextTokenizer
{
    private readonly BpeTokenizer _bpe = BpeTokenizer.Create(new BpeOptions(vocabulary, merges) { ByteLevel = true });

    public IEnumerable<int> Encode(string text)
    {
        for (var word = Words().Match(text); word.Success; word = word.NextMatch())
        {
            foreach (var id in _bpe.EncodeToIds(word.Value, considerPreTokenization: false))
                yield return id;
        }
    }

    // Words, each with the space before it.
    [GeneratedRegex(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", RegexOptions.CultureInvariant)]
    private static partial Regex Words();
}
