using Microsoft.ML.Tokenizers;

namespace Dalle.ML.Text.Tokenizers;

/// <summary>
/// The tokenizer files of DALL·E mini as min-dalle reads them (kuprel/min-dalle, <c>text_tokenizer.py</c>): words are separated by single spaces, and
/// begin with <c>Ġ</c>; they consist of characters, not bytes, and what the vocabulary lacks is <c>&lt;unk&gt;</c>.
/// </summary>
/// <remarks>
/// There, one pair is merged at a time, the leftmost of the lowest rank. So it is in ML.NET's <see cref="BpeTokenizer"/>, which gives the
/// tokens.
/// </remarks>
internal sealed class SpacedBpe(BpeFiles files) : ITextTokenizer
{
    private const string WordStart = "Ġ";

    private readonly BpeTokenizer _bpe =
        BpeTokenizer.Create(new BpeOptions(files.Vocabulary) { Merges = files.Merges, UnknownToken = "<unk>" });

    private readonly TokenTexts _texts = new(files.Vocabulary);

    public IEnumerable<int> Encode(string text) =>
        from word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries)
        from id in _bpe.EncodeToIds(WordStart + word, considerPreTokenization: false)
        select id;

    public string Decode(IEnumerable<int> ids) => _texts.Join(ids).Replace(WordStart, " ", StringComparison.Ordinal).TrimStart(' ');
}
