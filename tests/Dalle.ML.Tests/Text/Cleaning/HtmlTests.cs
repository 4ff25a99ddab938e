using System.Security.Cryptography;
using System.Text;
using Dalle.ML.Text.Cleaning;

namespace Dalle.ML.Tests.Text.Cleaning;

/// <summary>
/// References against what Python 3.11 gives for the same texts: <c>html.unescape</c>, and <c>unescape_html</c> of ftfy 6.3 written out over
/// <c>html.entities.html5</c>. Of texts that are too many for a table, the hash of what Python gave is recorded.
/// </summary>
public sealed class HtmlTests
{
    [Theory]
    [InlineData("&Lt;&NotEqualTilde;&check;&fjlig;", "\u226a\u2242\u0338\u2713fj")]
    [InlineData("&ltcheck; &notin; &notit; &notin &hellipx", "<check; \u2209 \u00acit; \u00acin &hellipx")]
    [InlineData("&CounterClockwiseContourIntegral; &CounterClockwiseContourIntegralx;", "\u2233 &CounterClockwiseContourIntegralx;")]
    [InlineData("&NewLine;&Tab;|&bne;&nvlt;&Gg;&gG;", "\n\t|=\u20e5<\u20d2\u22d9&gG;")]
    [InlineData("&Afr;&afr", "\U0001d504&afr")]
    public void Names_are_those_of_html_5(string text, string expected) => Assert.Equal(expected, Html.Unescape(text));

    [Theory]
    [InlineData("&ltcheck; &notin; &notit; &notin", "&ltcheck; \u2209 &notit; &notin")]
    [InlineData("&#59;&#x3B;&semi;&#12a;", "&#59;&#x3B;;&#12a;")]
    [InlineData("&NTILDE;&SZLIG;&FILIG;&IMATH;&LTDOT; &copy &Copy; &CHECK;", "\u00d1SSFII&LTDOT; &copy &Copy; \u2713")]
    [InlineData("&ApplyFunction;&CounterClockwiseContourIntegral;", "\u2061&CounterClockwiseContourIntegral;")]
    public void What_is_plainly_a_reference_is_resolved_in_capitals_too(string text, string expected) =>
        Assert.Equal(expected, Html.UnescapePlain(text));

    /// <summary>Each of the 2231 names alone, within a word, with and without semicolon, in capitals, in lower case, and cut.</summary>
    [Fact]
    public void Every_name_and_its_like_are_resolved_as_in_python()
    {
        var names = DataFile.Lines("entities.txt").Select(line => line.Split(' ')[0]).Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(2231, names.Length);
        var text = string.Join('\n', names.Select(name =>
        {
            var bare = name.TrimEnd(';');
            return $"&{name} &{name}x &{bare}; &{bare} &{name.ToUpperInvariant()} &{name.ToLowerInvariant()} &{name[1..]} &{name[..^2]}";
        }));
        AssertHash("1966264fc3553c7081549c6262313331ba3954d566a506205498c6c8a0d383c6", Html.Unescape(text));
        AssertHash("fef2230d9c119555fcb7a8521950047053bdf11aaba309aee3b9b903eabb91d3", Html.UnescapePlain(text));
    }

    /// <summary>All numbers of the first plane and some beyond, and those around the ends of all others and of Unicode.</summary>
    [Fact]
    public void Every_number_is_resolved_as_in_python()
    {
        var numbers = Enumerable.Range(0, 0x12000)
            .Concat(Enumerable.Range(1, 18).SelectMany(plane => Enumerable.Range(plane * 0x10000 - 4, 8)));
        var text = string.Concat(numbers.Select(number => $"&#{number};&#x{number:X}g&#{number}"));
        AssertHash("49fee93ab00d454cd5521f0b65756d16ef0180467a8174435ece7672264ef4cd", Html.Unescape(text));
        AssertHash("9b72797669e735f50d7ee895b78b9c3f0a917257d3e939f7b261b3a8dc16ac92", Html.UnescapePlain(text));
    }

    private static void AssertHash(string expected, string text) =>
        Assert.Equal(expected, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text))));
}
