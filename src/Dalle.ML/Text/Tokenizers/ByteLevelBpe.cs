using Microsoft.ML.Tokenizers;

namespace Dalle.ML.Text.Tokenizers;

/// <summary>GPT-2's byte-level BPE (openai/gpt-2, <c>src/encoder.py</c>), which Bart and DALL·E mini share.</summary>
/// <remarks>Tokens come from ML.NET's <see cref="BpeTokenizer"/>, words from <see cref="Words"/>.</remarks>
internal sealed class ByteLevelBpe(BpeFiles files) : ITextTokenizer
{
    private readonly BpeTokenizer _bpe = BpeTokenizer.Create(new BpeOptions(files.Vocabulary) { Merges = files.Merges, ByteLevel = true });

    private readonly TokenTexts _texts = new(files.Vocabulary);

    public IEnumerable<int> Encode(string text) =>
        Words.OfGpt2(text).SelectMany(word => _bpe.EncodeToIds(word, considerPreTokenization: false));

    public string Decode(IEnumerable<int> ids) => _texts.JoinBytes(ids);
}
