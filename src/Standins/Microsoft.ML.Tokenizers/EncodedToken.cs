namespace Microsoft.ML.Tokenizers;

/// <summary>A token of a text: its id, its entry in the vocabulary, and the characters that it stands for.</summary>
/// <remarks>Where a character takes several tokens, the offset of each of them covers the whole character.</remarks>
public readonly struct EncodedToken
{
    internal EncodedToken(int id, string value, Range offset)
    {
        Id = id;
        Value = value;
        Offset = offset;
    }

    public int Id { get; }

    public string Value { get; }

    /// <summary>Counted in the normalized text, if there is one.</summary>
    public Range Offset { get; }
}
