using Dalle.ML.Text.Tokenizers;

namespace Dalle.ML.Tests.Text.Tokenizers;

/// <summary>What Hugging Face documents of CharBPETokenizer, BertNormalizer and BertPreTokenizer; there are no reference ids.</summary>
public sealed class CharBpeTests
{
    private static readonly string[] Tokens =
    [
        "[UNK]", "[PAD]", "a", "b", "c", "a</w>", "b</w>", "c</w>", "!</w>", "?</w>", "-</w>", "口</w>", "é</w>", "ab", "ab</w>", "abc</w>",
    ];

    private readonly CharBpe _tokenizer =
        new(new BpeFiles(Tokens.Index().ToDictionary(token => token.Item, token => token.Index), ["a b", "a b</w>", "ab c</w>"]));

    [Theory]
    [InlineData("ab", new[] { "ab</w>" })]
    [InlineData("abc ab", new[] { "abc</w>", "ab</w>" })]
    [InlineData("cab", new[] { "c", "ab</w>" })]
    [InlineData("ABC", new[] { "abc</w>" })]
    [InlineData("a!?b", new[] { "a</w>", "!</w>", "?</w>", "b</w>" })]
    [InlineData("ab-c", new[] { "ab</w>", "-</w>", "c</w>" })]
    [InlineData("a口b", new[] { "a</w>", "口</w>", "b</w>" })]
    [InlineData("axb", new[] { "a", "[UNK]", "b</w>" })]
    [InlineData("xy", new[] { "[UNK]", "[UNK]" })]
    [InlineData("é", new[] { "é</w>" })]
    [InlineData("a\u0000\u200Db\tc\u00A0a\u0085b", new[] { "ab</w>", "c</w>", "ab</w>" })]
    [InlineData("  ", new string[0])]
    public void Words_are_split_and_merged_as_documented(string text, string[] tokens) =>
        Assert.Equal(tokens, _tokenizer.Encode(text).Select(id => Tokens[id]));
}
