using Microsoft.ML.Tokenizers;

namespace Dalle.ML.Text.Tokenizers;

/// <summary>
/// CLIP's byte-level BPE, whose words end in <c>&lt;/w&gt;</c> (openai/CLIP, <c>clip/simple_tokenizer.py</c>); DALLE-pytorch uses it too.
/// </summary>
/// <remarks>Tokens come from ML.NET's <see cref="BpeTokenizer"/>, words from <see cref="Words"/>.</remarks>
internal sealed class ClipBpe : ITextTokenizer
{
    public const string StartOfText = "<|startoftext|>";
    public const string EndOfText = "<|endoftext|>";
    private const string EndOfWord = "</w>";

    private readonly BpeTokenizer _bpe;
    // The marks in OpenAI's vocabulary, which a text has no words for; those of a smaller one are written out (DALLE-pytorch).
    private static readonly int[] Silent = [49406, 49407];

    private readonly Dictionary<string, int> _marks;
    private readonly TokenTexts _texts;

    public ClipBpe(BpeFiles files)
    {
        _bpe = BpeTokenizer.Create(new BpeOptions(files.Vocabulary) { Merges = files.Merges, ByteLevel = true, EndOfWordSuffix = EndOfWord });
        _texts = new TokenTexts(files.Vocabulary);
        _marks = files.Vocabulary.Where(token => token.Key is StartOfText or EndOfText).ToDictionary();
    }

    public IEnumerable<int> Encode(string text) => Words.OfClip(text, _marks.Keys).SelectMany(word =>
        _marks.TryGetValue(word, out var mark) ? [mark] : _bpe.EncodeToIds(word, considerPreTokenization: false));

    public string Decode(IEnumerable<int> ids) => _texts.JoinBytes(ids.Where(id => !Silent.Contains(id))).Replace(EndOfWord, " ", StringComparison.Ordinal);
}
