using System.Text.RegularExpressions;
using Microsoft.ML.Tokenizers;

namespace Standins.Tests.Tokenizers;

public partial class PreTokenizerTests
{
    [Fact]
    public void Every_match_is_a_piece()
    {
        var preTokenizer = new RegexPreTokenizer(Word(), null);

        Assert.Equal([(0, 2), (2, 4), (6, 1)], preTokenizer.PreTokenize("an old!"));
        Assert.Equal([(0, 2), (2, 4), (6, 1)], preTokenizer.PreTokenize("an old!".AsSpan()));
        Assert.Empty(preTokenizer.PreTokenize(""));
    }

    [Fact]
    public void Special_tokens_are_pieces()
    {
        var preTokenizer = new RegexPreTokenizer(Word(), new Dictionary<string, int> { ["<a>"] = 1, ["<ab>"] = 2 });

        Assert.Equal([(0, 3), (3, 1), (4, 4), (8, 2)], preTokenizer.PreTokenize("<a>x<ab> y"));
    }

    [Fact]
    public void A_pattern_is_needed() => Assert.Throws<ArgumentNullException>(() => new RegexPreTokenizer(null!, null));

    [GeneratedRegex(@" ?\w+|[^\s\w]+")]
    private static partial Regex Word();
}
