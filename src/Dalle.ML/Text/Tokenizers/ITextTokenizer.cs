namespace Dalle.ML.Text.Tokenizers;

/// <summary>Cuts clean text into the ids of a vocabulary, lazily, and joins such ids to text. Thread-safe.</summary>
internal interface ITextTokenizer
{
    IEnumerable<int> Encode(string text);

    /// <summary>The text of ids, as the family's own tokenizer gives it; ids that it lacks are left out.</summary>
    string Decode(IEnumerable<int> ids);
}
