using Dalle.ML.Bundles;
using Dalle.ML.Text;

namespace Dalle.ML.Tests.Text;

/// <summary>How the ids of a text are framed, cut and padded; the tokenizer here gives 8, 9 and 10 for a, b and c.</summary>
public sealed class PromptTokenizerTests : IDisposable
{
    private static readonly TextFormat Format = new()
    {
        Tokenizer = new TokenizerFiles { Kind = TokenizerKind.SpacedBpe, Vocabulary = "vocab.json", Merges = "merges.txt" },
        Vocabulary = 100,
        Length = 5,
        Padding = Padding.Shared,
        PaddingId = 1,
    };

    private readonly TemporaryFolder _folder = new();

    public PromptTokenizerTests()
    {
        File.WriteAllText(Path.Combine(_folder.Path, "vocab.json"), """{"<unk>":3,"Ġ":4,"a":5,"b":6,"c":7,"Ġa":8,"Ġb":9,"Ġc":10}""");
        File.WriteAllText(Path.Combine(_folder.Path, "merges.txt"), "#version: 0.2\nĠ a\nĠ b\nĠ c\n");
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Text_is_padded_or_cut_to_the_length()
    {
        Assert.Equal([8, 9, 1, 1, 1], Encode("a b", Format));
        Assert.Equal([8, 9, 10, 8, 9], Encode("a b c a b c", Format));
        Assert.Equal([1, 1, 1, 1, 1], Encode("", Format));
    }

    [Fact]
    public void Start_and_end_frame_the_text()
    {
        var framed = Format with { BosTokens = [0], EosTokens = [2] };
        Assert.Equal([0, 8, 2, 1, 1], Encode("a", framed));
        Assert.Equal([0, 2, 1, 1, 1], Encode("", framed));
        Assert.Equal([0, 8, 9, 10, 2], Encode("a b c", framed));
    }

    [Theory]
    [InlineData("a b c a", false, new long[] { 0, 8, 9, 10, 8 })]
    [InlineData("a b c a", true, new long[] { 0, 8, 9, 10, 2 })]
    [InlineData("a b c a b c", false, new long[] { 0, 8, 9, 10, 8 })]
    [InlineData("a b c a b c", true, new long[] { 0, 8, 9, 10, 2 })]
    public void A_cut_takes_the_end_unless_it_is_kept(string prompt, bool keepEnd, long[] ids) =>
        Assert.Equal(ids, Encode(prompt, Format with { BosTokens = [0], EosTokens = [2], KeepEnd = keepEnd }));

    [Theory]
    [InlineData("a b", false, 4, 0)]
    [InlineData("a b c a", false, 6, 0)]
    [InlineData("a b c a", true, 6, 1)]
    [InlineData("a b c a b c", false, 8, 2)]
    [InlineData("a b c a b c", true, 8, 3)]
    public void Tokens_are_counted_beyond_the_length_and_so_are_those_that_are_cut(string prompt, bool keepEnd, int count, int cut)
    {
        var tokenizer = new PromptTokenizer(_folder.Path, Format with { BosTokens = [0], EosTokens = [2], KeepEnd = keepEnd });
        Assert.Equal((count, cut), (tokenizer.Count(prompt), tokenizer.CountCut(prompt)));
    }

    [Fact]
    public void Several_ids_of_the_end_are_kept_whole_or_cut_in_part()
    {
        Assert.Equal([8, 9, 10, 20, 21], Encode("a b c a b c", Format with { EosTokens = [20, 21], KeepEnd = true }));
        Assert.Equal([8, 9, 10, 8, 20], Encode("a b c a", Format with { EosTokens = [20, 21] }));
        Assert.Equal([8, 9, 10, 20, 21], Encode("a b c a", Format with { EosTokens = [20, 21], KeepEnd = true }));
    }

    [Fact]
    public void Padding_of_a_position_counts_from_after_the_prefix()
    {
        Assert.Equal([8, 51, 52, 53, 54], Encode("a", Format with { Padding = Padding.PerPosition, PaddingId = 50 }));
        Assert.Equal([2, 8, 51, 52, 53, 54], Encode("a", Format with { Padding = Padding.PerPosition, PaddingId = 50, Prefix = [2] }));
    }

    [Fact]
    public void A_blank_id_is_padding_in_the_text_too()
    {
        Assert.Equal([8, 51, 10, 53, 54], Encode("a b c", Format with { Padding = Padding.PerPosition, PaddingId = 50, PadAliasId = 9 }));
        Assert.Equal([8, 1, 10, 1, 1], Encode("a b c", Format with { PadAliasId = 9 }));
    }

    [Fact]
    public void Guidance_is_measured_against_no_text_in_the_way_of_the_family()
    {
        var framed = Format with { BosTokens = [0], EosTokens = [2] };
        Assert.Equal([0, 2, 1, 1, 1], Tokenizer(framed).Unconditional("a b"));
        Assert.Equal([1, 1, 1, 1, 1], Tokenizer(framed with { Unconditional = UnconditionalPrompt.Padding }).Unconditional("a b"));

        var ends = framed with { Unconditional = UnconditionalPrompt.Ends };
        Assert.Equal([0, 2, 1, 1, 1], Tokenizer(ends).Unconditional("a b"));
        Assert.Equal([0, 8, 1, 1, 1], Tokenizer(ends).Unconditional("a b c a b c"));
    }

    [Fact]
    public void The_empty_prompt_of_guidance_is_not_cleaned()
    {
        // DALL·E mini begins every prompt with a space, which is a token of its own, and the empty one of guidance with none.
        var tokenizer = Format.Tokenizer with { Kind = TokenizerKind.ByteLevelBpe };
        var format = Format with { Tokenizer = tokenizer, Cleaning = [TextCleaning.DalleMini] };
        Assert.Equal([4, 1, 1, 1, 1], Encode("", format));
        Assert.Equal([1, 1, 1, 1, 1], Tokenizer(format).Unconditional("a"));
    }

    [Fact]
    public void The_ids_of_a_prompt_are_counted_without_padding()
    {
        Assert.Equal(2, Tokenizer(Format).Count("a b"));
        Assert.Equal(4, Tokenizer(Format with { BosTokens = [0], EosTokens = [2] }).Count("a b"));
        Assert.Equal(6, Tokenizer(Format).Count("a b c a b c"));
    }

    [Fact]
    public void Cleaning_goes_step_by_step()
    {
        Assert.Equal([8, 9, 1, 1, 1], Encode("Á B", Format with { Cleaning = [TextCleaning.Transliterate, TextCleaning.Lowercase] }));
        Assert.Equal([4, 3, 1, 1, 1], Encode("A", Format with { Cleaning = [TextCleaning.Trim] }));
    }

    [Fact]
    public void Ids_that_the_graph_does_not_have_are_an_error_that_names_the_file()
    {
        var tokenizer = Tokenizer(Format with { Vocabulary = 10 });
        Assert.Equal([8, 9, 1, 1, 1], tokenizer.Encode("a b"));
        var exception = Assert.Throws<DalleBundleException>(() => tokenizer.Encode("a b c"));
        Assert.Contains("'vocab.json' produced the id 10", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_prompt_of_a_million_words_is_cut_like_any_other() =>
        Assert.Equal([8, 8, 8, 8, 8], Encode(string.Concat(Enumerable.Repeat("a ", 1_000_000)), Format));

    [Fact]
    public void What_a_manifest_leaves_out_is_empty()
    {
        var format = Manifest.Parse("""
            {
              "format": 1, "name": "x", "family": "x", "precision": "fp32", "files": {},
              "text": {"tokenizer": {"kind": "youTokenToMe", "vocabulary": "bpe.model"}, "vocabulary": 9, "length": 8, "padding": "shared", "paddingId": 0}
            }
            """u8.ToArray()).Text!;
        Assert.Equal(0, format.Prefix.Length + format.BosTokens.Length + format.EosTokens.Length);
        Assert.Empty(format.Cleaning);
        Assert.Equal((null, null, UnconditionalPrompt.Empty), (format.PadAliasId, format.Tokenizer.Merges, format.Unconditional));
    }

    private long[] Encode(string prompt, TextFormat format) => Tokenizer(format).Encode(prompt);

    private PromptTokenizer Tokenizer(TextFormat format) => new(_folder.Path, format);
}
