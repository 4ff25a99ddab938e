using System.Text;

namespace Dalle.ML.Text.Tokenizers;

/// <summary>The texts of a vocabulary's tokens by their ids, and how they are joined.</summary>
internal sealed class TokenTexts
{
    private readonly Lazy<Dictionary<int, string>> _texts;

    /// <param name="vocabulary">The ids of tokens; of two tokens of one id the later one counts.</param>
    public TokenTexts(IReadOnlyDictionary<string, int> vocabulary) => _texts = new(() =>
    {
        var texts = new Dictionary<int, string>(vocabulary.Count);
        foreach (var (token, id) in vocabulary)
            texts[id] = token;
        return texts;
    });

    /// <summary>The texts of ids, joined.</summary>
    public string Join(IEnumerable<int> ids) => string.Concat(ids.Select(id => _texts.Value.GetValueOrDefault(id, "")));

    /// <summary>The same, where each character stands for a byte of UTF-8 as GPT-2 spells it. What is no UTF-8 becomes U+FFFD.</summary>
    public string JoinBytes(IEnumerable<int> ids)
    {
        var bytes = new List<byte>();
        foreach (var character in Join(ids))
        {
            if (ByteAlphabet.ByteOf(character) is { } value)
                bytes.Add(value);
            else
                bytes.AddRange(Encoding.UTF8.GetBytes([character]));
        }
        return Encoding.UTF8.GetString([.. bytes]);
    }
}
