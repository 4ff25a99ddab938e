using Microsoft.ML.Tokenizers;

namespace Standins.Tests.Tokenizers;

public class BpeTokenizerTests
{
    [Fact]
    public void Pairs_are_merged_by_rank()
    {
        var tokenizer = Plain();

        Assert.Equal(TinyVocabulary.Ids("low"), tokenizer.EncodeToIds("low"));
        Assert.Equal(TinyVocabulary.Ids("lower"), tokenizer.EncodeToIds("lower"));
        Assert.Equal(TinyVocabulary.Ids("low", "est"), tokenizer.EncodeToIds("lowest"));
        Assert.Equal(TinyVocabulary.Ids("new", "er"), tokenizer.EncodeToIds("newer"));
        Assert.Equal(TinyVocabulary.Ids("w", "o", "n"), tokenizer.EncodeToIds("won"));
    }

    [Fact]
    public void The_leftmost_of_equal_pairs_is_merged_first()
    {
        var tokenizer = BpeTokenizer.Create(new BpeOptions(new Dictionary<string, int> { ["a"] = 0, ["aa"] = 1 }) { Merges = ["a a"] });

        Assert.Equal([1, 0], tokenizer.EncodeToIds("aaa"));
        Assert.Equal([1, 1, 0], tokenizer.EncodeToIds("aaaaa"));
    }

    [Fact]
    public void A_later_merge_that_comes_into_being_earlier_does_not_jump_the_queue()
    {
        var vocabulary = new[] { "a", "b", "c", "ab", "bc", "abc" }.Select((t, i) => KeyValuePair.Create(t, i));
        var tokenizer = BpeTokenizer.Create(new BpeOptions(vocabulary) { Merges = ["b c", "a b", "ab c"] });

        Assert.Equal([0, 4], tokenizer.EncodeToIds("abc"));
    }

    [Fact]
    public void Spans_and_strings_give_the_same()
    {
        var tokenizer = Plain();

        Assert.Equal(tokenizer.EncodeToIds("lowest"), tokenizer.EncodeToIds("lowest".AsSpan()));
        Assert.Equal(2, tokenizer.CountTokens("lowest"));
        Assert.Equal(2, tokenizer.CountTokens("lowest".AsSpan()));
    }

    [Fact]
    public void An_empty_text_has_no_tokens()
    {
        Assert.Empty(Plain().EncodeToIds(""));
        Assert.Empty(ByteLevel().EncodeToIds(""));
        Assert.Equal(0, Plain().CountTokens(""));
    }

    [Fact]
    public void Tokens_tell_where_they_come_from()
    {
        var tokens = Plain().EncodeToTokens("lowest", out string? normalized);

        Assert.Null(normalized);
        Assert.Equal(["low", "est"], tokens.Select(t => t.Value));
        Assert.Equal(TinyVocabulary.Ids("low", "est"), tokens.Select(t => t.Id));
        Assert.Equal([0..3, 3..6], tokens.Select(t => t.Offset));
    }

    [Fact]
    public void Files_and_streams_and_options_make_the_same_tokenizer()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            string vocabulary = Path.Combine(folder, "vocab.json");
            string merges = Path.Combine(folder, "merges.txt");
            using (var file = File.Create(vocabulary))
                TinyVocabulary.VocabularyFile().CopyTo(file);
            using (var file = File.Create(merges))
                TinyVocabulary.MergesFile().CopyTo(file);

            var expected = TinyVocabulary.Ids("low", "est");
            Assert.Equal(expected, BpeTokenizer.Create(vocabulary, merges).EncodeToIds("lowest"));
            Assert.Equal(expected, BpeTokenizer.Create(new BpeOptions(vocabulary, merges)).EncodeToIds("lowest"));
            Assert.Equal(
                expected,
                BpeTokenizer.Create(TinyVocabulary.VocabularyFile(), TinyVocabulary.MergesFile()).EncodeToIds("lowest"));
            Assert.Equal(6, BpeTokenizer.Create(vocabulary, null).CountTokens("lowest"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Text_is_normalized_first_unless_told_otherwise()
    {
        var tokenizer = Plain(options => options.Normalizer = new LowerCase());

        Assert.Equal(TinyVocabulary.Ids("low"), tokenizer.EncodeToIds("LOW"));

        tokenizer.EncodeToTokens("LOW", out string? normalized);
        Assert.Equal("low", normalized);
        tokenizer.EncodeToTokens("low", out string? unchanged, considerNormalization: false);
        Assert.Null(unchanged);
    }

    [Fact]
    public void What_the_vocabulary_lacks_is_the_unknown_token()
    {
        BpeTokenizer Create(bool fuse) => BpeTokenizer.Create(new BpeOptions(TinyVocabulary.Vocabulary("[UNK]"))
        {
            Merges = TinyVocabulary.Merges,
            UnknownToken = "[UNK]",
            FuseUnknownTokens = fuse,
        });
        int unknown = TinyVocabulary.Tokens.Length;

        Assert.Equal([TinyVocabulary.Id("low"), unknown, unknown, TinyVocabulary.Id("er")], Create(fuse: false).EncodeToIds("lowxyer"));
        Assert.Equal([TinyVocabulary.Id("low"), unknown, TinyVocabulary.Id("er")], Create(fuse: true).EncodeToIds("lowxyer"));
    }

    [Fact]
    public void An_unknown_token_must_be_known() =>
        Assert.ThrowsAny<Exception>(() => Plain(options => options.UnknownToken = "[UNK]"));

    [Fact]
    public void Words_may_have_marked_ends()
    {
        var vocabulary = new[] { "a", "b", "b</w>", "ab</w>" }.Select((t, i) => KeyValuePair.Create(t, i));
        var tokenizer = BpeTokenizer.Create(new BpeOptions(vocabulary) { Merges = ["a b</w>"], EndOfWordSuffix = "</w>" });

        Assert.Equal([3], tokenizer.EncodeToIds("ab"));
        Assert.Equal([1, 3], tokenizer.EncodeToIds("bab"));
    }

    [Fact]
    public void Decoding_joins_tokens()
    {
        Assert.Equal("lowest", Plain().Decode(TinyVocabulary.Ids("low", "est")));
        Assert.Equal("", Plain().Decode([]));
    }

    [Fact]
    public void A_vocabulary_that_is_no_vocabulary_is_refused()
    {
        Assert.ThrowsAny<Exception>(() => BpeTokenizer.Create(TinyVocabulary.File("not json"), TinyVocabulary.MergesFile()));
        Assert.ThrowsAny<ArgumentNullException>(() => BpeTokenizer.Create((Stream)null!, null));
        Assert.ThrowsAny<ArgumentNullException>(() => BpeTokenizer.Create((string)null!, null));
        Assert.ThrowsAny<ArgumentNullException>(() => BpeTokenizer.Create(null!));
    }

    [Theory]
    [InlineData("#version: 0.2\nl o\nlo\n")]
    [InlineData("l o\n\nl o w\n")]
    public void A_merge_that_is_no_pair_is_refused(string merges) =>
        Assert.ThrowsAny<Exception>(() => BpeTokenizer.Create(TinyVocabulary.VocabularyFile(), TinyVocabulary.File(merges)));

    [Fact]
    public void The_line_that_is_no_pair_is_named()
    {
        Assert.SkipUnless(Feed.IsStandin, "The real package words its errors in its own way.");

        var e = Assert.Throws<FormatException>(
            () => BpeTokenizer.Create(TinyVocabulary.VocabularyFile(), TinyVocabulary.File("#version: 0.2\nl o\nlo\n")));

        Assert.Contains("Line 3", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_merge_of_unknown_tokens_is_refused() =>
        Assert.ThrowsAny<Exception>(() => BpeTokenizer.Create(TinyVocabulary.VocabularyFile(), TinyVocabulary.File("x y\n")));

    [Fact]
    public void A_very_long_word_is_merged_in_reasonable_steps()
    {
        var tokenizer = Plain();
        string word = string.Concat(Enumerable.Repeat("lower", 20_000));

        var ids = tokenizer.EncodeToIds(word);

        Assert.Equal(Enumerable.Repeat(TinyVocabulary.Id("lower"), 20_000), ids);
    }

    [Fact]
    public void Options_are_read_once()
    {
        Assert.SkipUnless(Feed.IsStandin, "Whether the real package copies the options is its own affair.");
        var special = new Dictionary<string, int> { ["<end>"] = 100 };
        var options = new BpeOptions(TinyVocabulary.Vocabulary())
        {
            Merges = TinyVocabulary.Merges,
            ByteLevel = true,
            SpecialTokens = special,
        };
        var tokenizer = BpeTokenizer.Create(options);

        options.ByteLevel = false;
        options.EndOfWordSuffix = "w";
        special.Clear();

        Assert.Equal(TinyVocabulary.Ids("Ġlow"), tokenizer.EncodeToIds(" low"));
        Assert.Equal(" low", tokenizer.Decode(TinyVocabulary.Ids("Ġlow")));
        Assert.Equal([100], tokenizer.EncodeToIds("<end>"));
    }

    [Fact]
    public void Several_threads_may_encode_at_once()
    {
        var tokenizer = Plain();

        Parallel.For(0, 2_000, i =>
        {
            string word = string.Concat(Enumerable.Repeat("low", i % 17)) + "est";
            Assert.Equal(i % 17 + 1, tokenizer.CountTokens(word));
        });
    }

    internal static BpeTokenizer ByteLevel(Action<BpeOptions>? set = null) => Plain(options =>
    {
        options.ByteLevel = true;
        set?.Invoke(options);
    });

    private static BpeTokenizer Plain(Action<BpeOptions>? set = null)
    {
        var options = new BpeOptions(TinyVocabulary.Vocabulary()) { Merges = TinyVocabulary.Merges };
        set?.Invoke(options);
        return BpeTokenizer.Create(options);
    }
}
