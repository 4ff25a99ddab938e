using Dalle.ML.Text.Tokenizers;

namespace Dalle.ML.Tests.Text.Tokenizers;

public sealed class WordsTests
{
    [Theory]
    [InlineData("", new string[0])]
    [InlineData("Hello, world", new[] { "Hello", ",", " world" })]
    [InlineData("  two  spaces ", new[] { " ", " two", " ", " spaces", " " })]
    [InlineData("a\n\n b\tc", new[] { "a", "\n\n", " b", "\t", "c" })]
    [InlineData("I'll say it's 12 o'clock", new[] { "I", "'ll", " say", " it", "'s", " 12", " o", "'", "clock" })]
    [InlineData("IT'S", new[] { "IT", "'", "S" })]
    [InlineData("x2 ²½!", new[] { "x", "2", " ²½", "!" })]
    [InlineData("𝔉𝔯 𝟘𝟙 😀😁", new[] { "𝔉𝔯", " 𝟘𝟙", " 😀😁" })]
    public void Gpt2_joins_the_space_to_the_word_after_it(string text, string[] words) => Assert.Equal(words, Words.OfGpt2(text));

    [Theory]
    [InlineData("", new string[0])]
    [InlineData(" hello,  world ", new[] { "hello", ",", "world" })]
    [InlineData("we're 123!?", new[] { "we", "'re", "1", "2", "3", "!?" })]
    [InlineData("𝟘𝟙a", new[] { "𝟘", "𝟙", "a" })]
    [InlineData("a<|mark|>b", new[] { "a", "<|mark|>", "b" })]
    [InlineData("!<|mark|>", new[] { "!<|", "mark", "|>" })]
    public void Clip_leaves_spaces_out_and_numbers_alone(string text, string[] words) =>
        Assert.Equal(words, Words.OfClip(text, ["<|mark|>"]));

    [Fact]
    public void Half_a_character_is_a_word_like_others()
    {
        Assert.Equal(["a", "\uD83D", "b", "\uDE00"], Words.OfGpt2("a\uD83Db\uDE00"));
        Assert.Equal(["a", "\uD83D", "b", "\uDE00"], Words.OfClip("a\uD83Db\uDE00", []));
    }
}
