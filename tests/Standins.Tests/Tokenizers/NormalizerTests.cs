using Microsoft.ML.Tokenizers;

namespace Standins.Tests.Tokenizers;

public class NormalizerTests
{
    [Theory]
    [InlineData("A Red APPLE", "a red apple")]
    [InlineData("ÄÖÜ ÉÈ Я", "äöü éè я")]
    [InlineData("", "")]
    public void Capitals_become_small(string text, string expected)
    {
        Assert.Equal(expected, new LowerCaseNormalizer().Normalize(text));
        Assert.Equal(expected, new LowerCaseNormalizer().Normalize(text.AsSpan()));
    }
}
