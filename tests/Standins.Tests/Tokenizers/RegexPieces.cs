using System.Text.RegularExpressions;
using Microsoft.ML.Tokenizers;

namespace Standins.Tests.Tokenizers;

/// <summary>Every match of a pattern is a piece, and so is every special token.</summary>
internal sealed class RegexPieces(string pattern, IEnumerable<string>? specialTokens = null) : PreTokenizer
{
    private readonly Regex _regex = new(
        string.Join('|', [.. (specialTokens ?? []).Select(Regex.Escape), pattern]),
        RegexOptions.Singleline);

    public override IEnumerable<(int Offset, int Length)> PreTokenize(string text) =>
        _regex.Matches(text).Select(match => (match.Index, match.Length));

    public override IEnumerable<(int Offset, int Length)> PreTokenize(ReadOnlySpan<char> text) => PreTokenize(text.ToString());
}
