using System.Text.RegularExpressions;

namespace Microsoft.ML.Tokenizers;

/// <summary>Takes every match of a pattern for a piece, and every special token; the text between them is dropped.</summary>
public class RegexPreTokenizer : PreTokenizer
{
    private readonly Regex _regex;
    private readonly Regex? _specialTokens;

    public RegexPreTokenizer(Regex regex, IReadOnlyDictionary<string, int>? specialTokensEncoder)
    {
        ArgumentNullException.ThrowIfNull(regex);
        _regex = regex;
        if (specialTokensEncoder is { Count: > 0 })
        {
            // The longest first: a special token may begin like another.
            var tokens = specialTokensEncoder.Keys.OrderByDescending(token => token.Length).Select(Regex.Escape);
            _specialTokens = new Regex(string.Join('|', tokens), RegexOptions.CultureInvariant);
        }
    }

    public override IEnumerable<(int Offset, int Length)> PreTokenize(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return _specialTokens is null ? Matches(_regex, text, 0, text.Length) : AroundSpecialTokens(_specialTokens, text);
    }

    public override IEnumerable<(int Offset, int Length)> PreTokenize(ReadOnlySpan<char> text) => PreTokenize(text.ToString());

    private IEnumerable<(int Offset, int Length)> AroundSpecialTokens(Regex specialTokens, string text)
    {
        int start = 0;
        foreach (var special in Matches(specialTokens, text, 0, text.Length))
        {
            foreach (var piece in Matches(_regex, text, start, special.Offset - start))
                yield return piece;
            yield return special;
            start = special.Offset + special.Length;
        }

        foreach (var piece in Matches(_regex, text, start, text.Length - start))
            yield return piece;
    }

    private static IEnumerable<(int Offset, int Length)> Matches(Regex regex, string text, int start, int length)
    {
        for (var match = regex.Match(text, start, length); match.Success; match = match.NextMatch())
        {
            if (match.Length > 0)
                yield return (match.Index, match.Length);
        }
    }
}
