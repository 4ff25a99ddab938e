namespace Microsoft.ML.Tokenizers;

/// <summary>Turns text into token ids and back: normalize, cut into pieces, encode each piece by itself.</summary>
public abstract class Tokenizer
{
    private readonly Normalizer? _normalizer;
    private readonly PreTokenizer? _preTokenizer;

    private protected Tokenizer(Normalizer? normalizer, PreTokenizer? preTokenizer)
    {
        _normalizer = normalizer;
        _preTokenizer = preTokenizer;
    }

    public IReadOnlyList<int> EncodeToIds(string text, bool considerPreTokenization = true, bool considerNormalization = true) =>
        Ids(Encode(text, int.MaxValue, considerPreTokenization, considerNormalization, out _));

    public IReadOnlyList<int> EncodeToIds(
        ReadOnlySpan<char> text, bool considerPreTokenization = true, bool considerNormalization = true) =>
        EncodeToIds(text.ToString(), considerPreTokenization, considerNormalization);

    /// <summary>Encodes the beginning of the text; a character is never split between what is encoded and what is not.</summary>
    /// <remarks>
    /// <paramref name="normalizedText"/> is null where nothing was normalized; otherwise <paramref name="charsConsumed"/> counts its
    /// characters.
    /// </remarks>
    public IReadOnlyList<int> EncodeToIds(
        string text,
        int maxTokenCount,
        out string? normalizedText,
        out int charsConsumed,
        bool considerPreTokenization = true,
        bool considerNormalization = true)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxTokenCount);
        var tokens = Encode(text, maxTokenCount, considerPreTokenization, considerNormalization, out normalizedText);
        if (tokens.Count <= maxTokenCount)
        {
            charsConsumed = (normalizedText ?? text).Length;
            return Ids(tokens);
        }

        int count = maxTokenCount;
        while (count > 0 && tokens[count].Offset.Start.Value < tokens[count - 1].Offset.End.Value)
            count--;
        charsConsumed = count == 0 ? 0 : tokens[count - 1].Offset.End.Value;
        return Ids(tokens[..count]);
    }

    public IReadOnlyList<int> EncodeToIds(
        ReadOnlySpan<char> text,
        int maxTokenCount,
        out string? normalizedText,
        out int charsConsumed,
        bool considerPreTokenization = true,
        bool considerNormalization = true) =>
        EncodeToIds(text.ToString(), maxTokenCount, out normalizedText, out charsConsumed, considerPreTokenization, considerNormalization);

    public IReadOnlyList<EncodedToken> EncodeToTokens(
        string text, out string? normalizedText, bool considerPreTokenization = true, bool considerNormalization = true) =>
        Encode(text, int.MaxValue, considerPreTokenization, considerNormalization, out normalizedText);

    public IReadOnlyList<EncodedToken> EncodeToTokens(
        ReadOnlySpan<char> text, out string? normalizedText, bool considerPreTokenization = true, bool considerNormalization = true) =>
        EncodeToTokens(text.ToString(), out normalizedText, considerPreTokenization, considerNormalization);

    public int CountTokens(string text, bool considerPreTokenization = true, bool considerNormalization = true) =>
        Encode(text, int.MaxValue, considerPreTokenization, considerNormalization, out _).Count;

    public int CountTokens(ReadOnlySpan<char> text, bool considerPreTokenization = true, bool considerNormalization = true) =>
        CountTokens(text.ToString(), considerPreTokenization, considerNormalization);

    public abstract string Decode(IEnumerable<int> ids);

    /// <summary>Appends the tokens of text[offset..(offset + length)].</summary>
    private protected abstract void EncodePiece(string text, int offset, int length, List<EncodedToken> tokens);

    /// <summary>All tokens, or as many as whole pieces give once there are more than <paramref name="enough"/>.</summary>
    private List<EncodedToken> Encode(string text, int enough, bool preTokenize, bool normalize, out string? normalizedText)
    {
        ArgumentNullException.ThrowIfNull(text);
        normalizedText = normalize ? _normalizer?.Normalize(text) : null;
        text = normalizedText ?? text;

        var tokens = new List<EncodedToken>();
        if (_preTokenizer is null || !preTokenize)
        {
            EncodePiece(text, 0, text.Length, tokens);
            return tokens;
        }

        foreach (var (offset, length) in _preTokenizer.PreTokenize(text))
        {
            EncodePiece(text, offset, length, tokens);
            if (tokens.Count > enough)
                break;
        }

        return tokens;
    }

    private static int[] Ids(List<EncodedToken> tokens)
    {
        var ids = new int[tokens.Count];
        for (int i = 0; i < ids.Length; i++)
            ids[i] = tokens[i].Id;
        return ids;
    }
}
