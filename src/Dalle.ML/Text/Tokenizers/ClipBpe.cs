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

    private readonly BpeTokenizer _bpe;
    private readonly Dictionary<string, int> _marks;

    public ClipBpe(BpeFiles files)
    {
        _bpe = BpeTokenizer.Create(new BpeOptions(files.Vocabulary) { Merges = files.Merges, ByteLevel = true, EndOfWordSuffix = "</w>" });
        _marks = files.Vocabulary.Where(token => token.Key is StartOfText or EndOfText).ToDictionary();
    }

    public IEnumerable<int> Encode(string text) => Words.OfClip(text, _marks.Keys).SelectMany(word =>
        _marks.TryGetValue(word, out var mark) ? [mark] : _bpe.EncodeToIds(word, considerPreTokenization: false));
}
