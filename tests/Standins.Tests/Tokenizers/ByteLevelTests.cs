using Microsoft.ML.Tokenizers;

namespace Standins.Tests.Tokenizers;

public class ByteLevelTests
{
    [Fact]
    public void A_space_belongs_to_the_word_after_it()
    {
        var tokenizer = Words();

        Assert.Equal(TinyVocabulary.Ids("lower", "Ġlow"), tokenizer.EncodeToIds("lower low"));
        Assert.Equal("lower low", tokenizer.Decode(tokenizer.EncodeToIds("lower low")));
    }

    [Fact]
    public void A_character_beyond_ascii_is_its_bytes()
    {
        var tokenizer = Words();

        var ids = tokenizer.EncodeToIds("né");

        Assert.Equal(TinyVocabulary.Ids("n", "Ã", "©"), ids);
        Assert.Equal("né", tokenizer.Decode(ids));
    }

    [Fact]
    public void Any_text_survives_a_vocabulary_of_all_bytes()
    {
        // The bytes in GPT-2's order: first those that print, then the others.
        var printing = Enumerable.Range(33, 94).Concat(Enumerable.Range(161, 12)).Concat(Enumerable.Range(174, 82)).Select(b => (char)b);
        var others = Enumerable.Range(256, 68).Select(c => (char)c);
        var vocabulary = printing.Concat(others).Select((c, id) => KeyValuePair.Create(c.ToString(), id));
        var tokenizer = BpeTokenizer.Create(
            new BpeOptions(vocabulary) { ByteLevel = true, PreTokenizer = new RegexPieces(".+") });
        const string Text = "Ünïcödé, 漢字, 🍎 and\ttabs\nand \0 too";

        var ids = tokenizer.EncodeToIds(Text);

        Assert.Equal(System.Text.Encoding.UTF8.GetByteCount(Text), ids.Count);
        Assert.Equal(Text, tokenizer.Decode(ids));
    }

    [Fact]
    public void A_token_that_stands_for_no_bytes_is_its_own_text()
    {
        Assert.SkipUnless(Feed.IsStandin, "What the real package does with such a vocabulary is its own affair.");
        var vocabulary = new[] { KeyValuePair.Create("🍎", 0), KeyValuePair.Create("漢", 1) };
        var tokenizer = BpeTokenizer.Create(new BpeOptions(vocabulary) { ByteLevel = true });

        Assert.Equal("🍎漢🍎", tokenizer.Decode([0, 1, 0]));
    }

    [Fact]
    public void Offsets_are_those_of_the_text()
    {
        var tokens = Words().EncodeToTokens("lower low", out _);

        Assert.Equal([0..5, 5..9], tokens.Select(t => t.Offset));
    }

    [Fact]
    public void Special_tokens_are_never_cut()
    {
        var special = new Dictionary<string, int> { ["<|end|>"] = 100 };
        var tokenizer = Words(special);

        Assert.Equal([.. TinyVocabulary.Ids("low"), 100, .. TinyVocabulary.Ids("low")], tokenizer.EncodeToIds("low<|end|>low"));
    }

    [Fact]
    public void A_limit_counts_tokens_and_tells_how_far_it_came()
    {
        var tokenizer = Words();

        var ids = tokenizer.EncodeToIds("lower low lower", 2, out string? normalized, out int consumed);

        Assert.Null(normalized);
        Assert.Equal(TinyVocabulary.Ids("lower", "Ġlow"), ids);
        Assert.Equal("lower low".Length, consumed);
        Assert.Equal(ids, tokenizer.EncodeToIds("lower low lower".AsSpan(), 2, out _, out int consumedOfSpan));
        Assert.Equal(consumed, consumedOfSpan);
    }

    [Fact]
    public void A_limit_does_not_cut_a_character()
    {
        Assert.SkipUnless(Feed.IsStandin, "What the real package does with half a character is its own affair.");

        var ids = Words().EncodeToIds("né", 2, out _, out int consumed);

        Assert.Equal(TinyVocabulary.Ids("n"), ids);
        Assert.Equal(1, consumed);
    }

    [Fact]
    public void A_limit_that_is_not_reached_changes_nothing()
    {
        var tokenizer = Words();

        Assert.Equal(tokenizer.EncodeToIds("lower low"), tokenizer.EncodeToIds("lower low", 50, out _, out int consumed));
        Assert.Equal("lower low".Length, consumed);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void A_limit_is_positive(int limit) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Words().EncodeToIds("low", limit, out _, out _));

    private static BpeTokenizer Words(Dictionary<string, int>? special = null) => BpeTokenizerTests.ByteLevel(options =>
    {
        options.PreTokenizer = new RegexPieces(@" ?\w+| ?[^\s\w]+|\s+", special?.Keys);
        options.SpecialTokens = special;
    });
}
