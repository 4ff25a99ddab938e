using System.Text;

namespace Microsoft.ML.Tokenizers;

/// <summary>Cuts a piece into the smallest parts that the vocabulary has: bytes or characters.</summary>
internal sealed class BpeSymbols(BpeOptions options, IReadOnlyDictionary<string, int> vocabulary)
{
    /// <summary>The id of a symbol that the vocabulary lacks.</summary>
    public const int Unknown = -1;

    // The options are the caller's, who may change them.
    private readonly bool _byteLevel = options.ByteLevel;
    private readonly string _prefix = options.ContinuingSubwordPrefix ?? "";
    private readonly string _suffix = options.EndOfWordSuffix ?? "";

    public List<BpeSymbol> Of(ReadOnlySpan<char> piece)
    {
        var symbols = new List<BpeSymbol>(piece.Length);
        Span<byte> utf8 = stackalloc byte[4];
        for (int start = 0, end; start < piece.Length; start = end)
        {
            Rune.DecodeFromUtf16(piece[start..], out var rune, out int length);
            end = start + length;
            if (!_byteLevel)
            {
                symbols.Add(Symbol(piece[start..end].ToString(), start, end, isFirst: symbols.Count == 0, isLast: end == piece.Length));
                continue;
            }

            int count = rune.EncodeToUtf8(utf8);
            for (int i = 0; i < count; i++)
            {
                string text = ByteLevel.ToChar(utf8[i]).ToString();
                bool isLast = end == piece.Length && i == count - 1;
                symbols.Add(Symbol(text, start, end, isFirst: symbols.Count == 0, isLast));
            }
        }

        return symbols;
    }

    private BpeSymbol Symbol(string text, int start, int end, bool isFirst, bool isLast)
    {
        string token = (isFirst ? "" : _prefix) + text + (isLast ? _suffix : "");
        return new BpeSymbol(vocabulary.GetValueOrDefault(token, Unknown), start, end);
    }
}
