using System.Globalization;
using System.Text;
using Dalle.ML.Text.Cleaning;
using Microsoft.ML.Tokenizers;

namespace Dalle.ML.Text.Tokenizers;

/// <summary>
/// Hugging Face's CharBPETokenizer as minDALL-E uses it: BERT's cleaning and splitting, lower case, words that end in <c>&lt;/w&gt;</c>,
/// and <c>[UNK]</c> for characters that the vocabulary lacks.
/// </summary>
/// <remarks>Tokens come from ML.NET's <see cref="BpeTokenizer"/>; the rules of BERT are implemented here from the documentation of Hugging Face.</remarks>
internal sealed class CharBpe(BpeFiles files) : ITextTokenizer
{
    private const string EndOfWord = "</w>";

    private readonly TokenTexts _texts = new(files.Vocabulary);
    private readonly BpeTokenizer _bpe = BpeTokenizer.Create(new BpeOptions(files.Vocabulary)
    {
        Merges = files.Merges,
        UnknownToken = "[UNK]",
        EndOfWordSuffix = EndOfWord,
    });

    public IEnumerable<int> Encode(string text) => WordsOf(text).SelectMany(word => _bpe.EncodeToIds(word, considerPreTokenization: false));

    public string Decode(IEnumerable<int> ids) => _texts.Join(ids).Replace(EndOfWord, " ", StringComparison.Ordinal);

    /// <summary>The text between spaces, with each ideograph and punctuation mark by itself, in lower case and without controls.</summary>
    private static IEnumerable<string> WordsOf(string text)
    {
        var word = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            var isSpace = Rune.IsWhiteSpace(rune) && (rune.Value is '\t' or '\n' or '\r' || !Rune.IsControl(rune));
            var isAlone = IsIdeograph(rune) || IsPunctuation(rune);
            if ((isSpace || isAlone) && word.Length > 0)
            {
                yield return LowerCase.OfEach(word.ToString());
                word.Clear();
            }
            if (isAlone)
                yield return rune.ToString();
            else if (!isSpace && !IsDropped(rune))
                word.Append(rune);
        }
        if (word.Length > 0)
            yield return LowerCase.OfEach(word.ToString());
    }

    private static bool IsDropped(Rune rune) => rune == Rune.ReplacementChar || Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned;

    private static bool IsPunctuation(Rune rune) => Rune.IsPunctuation(rune) || (rune.IsAscii && Rune.IsSymbol(rune));

    // Those that BERT names, and no others.
    private static bool IsIdeograph(Rune rune) => rune.Value
        is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0xF900 and <= 0xFAFF)
        or (>= 0x20000 and <= 0x2A6DF) or (>= 0x2A700 and <= 0x2B81F) or (>= 0x2B920 and <= 0x2CEAF) or (>= 0x2F800 and <= 0x2FA1F);
}
