namespace Dalle.ML.Text.Tokenizers;

/// <summary>Cuts clean text into the ids of a vocabulary, lazily. Thread-safe.</summary>
internal interface ITextTokenizer
{
    IEnumerable<int> Encode(string text);
}
