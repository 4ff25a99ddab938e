using Dalle.ML.Bundles;
using Dalle.ML.Text;
using Dalle.ML.Text.Tokenizers;
using FsCheck;
using FsCheck.Fluent;

namespace Dalle.ML.Tests.Text;

public sealed class PromptTokenizerProperties
{
    private const int Tokens = 2048;

    private static readonly Gen<string> AnyText = Gen.Frequency(
            (6, Gen.Elements("a", "red", "heart", "cats", "'s", "12", "ünï", "口", "🐈", "e\u0301")),
            (4, Gen.Elements(" ", "  ", "\n", "\t ", "\u00A0")),
            (1, Gen.Elements("!", "...", "</w>", "<|endoftext|>", "\0", "\uD83D", "\uDE00")),
            (2, Gen.Choose(1, char.MaxValue).Select(value => ((char)value).ToString())))
        .ListOf().Select(string.Concat);

    private static readonly Gen<(string Prompt, TextFormat Format)> Cases =
        from prompt in AnyText
        from length in Gen.Choose(1, 40)
        from bos in Gen.Choose(0, 1)
        from eos in Gen.Choose(0, 2)
        from prefix in Gen.Choose(0, 2)
        from keepEnd in Gen.Elements(true, false)
        from padding in Gen.Elements(Padding.Shared, Padding.PerPosition)
        from cleaning in Gen.SubListOf(Enum.GetValues<TextCleaning>())
        where bos + eos <= length
        select (prompt, new TextFormat
        {
            Tokenizer = new() { Kind = TokenizerKind.ByteLevelBpe, Vocabulary = "vocab.json", Merges = "merges.txt" },
            Cleaning = [.. cleaning],
            Vocabulary = Tokens + 3 + length,
            Length = length,
            Prefix = [.. Enumerable.Repeat(Tokens, prefix)],
            BosTokens = [.. Enumerable.Repeat(Tokens + 1, bos)],
            EosTokens = [.. Enumerable.Repeat(Tokens + 2, eos)],
            KeepEnd = keepEnd,
            Padding = padding,
            PaddingId = Tokens + 3,
        });

    public static IEnumerable<TheoryDataRow<int>> Runs => Property.Runs;

    [Theory]
    [MemberData(nameof(Runs))]
    public void Any_prompt_becomes_the_same_ids_of_the_graph_cut_and_padded_to_its_length(int runs) => Property.Holds(Cases, runs, input =>
    {
        var (prompt, format) = input;
        var tokenizer = new PromptTokenizer(DalleModel.DefaultPath, format);
        var ids = tokenizer.Encode(prompt);
        Assert.Equal(ids, new PromptTokenizer(DalleModel.DefaultPath, format).Encode(prompt));
        Assert.Equal(format.Total, ids.Length);
        Assert.All(ids, id => Assert.InRange(id, 0, format.Vocabulary - 1));

        // The prefix, the start, words, the end if there was room for it or it is kept, and padding.
        var whole = tokenizer.Count(prompt);
        Assert.True(whole >= format.BosTokens.Length + format.EosTokens.Length);
        var count = Math.Min(whole, format.Length);
        Assert.All(ids[..format.Prefix.Length], id => Assert.Equal(Tokens, id));
        var text = ids[format.Prefix.Length..];
        Assert.All(text[..format.BosTokens.Length], id => Assert.Equal(Tokens + 1, id));
        Assert.All(text.Skip(count).Index(), pad => Assert.Equal(Tokens + 3 + (format.Padding == Padding.PerPosition ? count + pad.Index : 0), pad.Item));
        var words = text[format.BosTokens.Length..count].TakeWhile(id => id < Tokens).Count();
        var end = text[(format.BosTokens.Length + words)..count];
        Assert.All(end, id => Assert.Equal(Tokens + 2, id));
        if (format.KeepEnd || whole <= format.Length)
            Assert.Equal(format.EosTokens.Length, end.Length);
        Assert.Equal(whole - format.BosTokens.Length - format.EosTokens.Length - words, tokenizer.CountCut(prompt));
    });

    [Theory]
    [MemberData(nameof(Runs))]
    public void The_words_of_a_text_are_the_whole_text(int runs) => Property.Holds(AnyText, runs, text =>
    {
        Assert.Equal(text, string.Concat(Words.OfGpt2(text)));
        Assert.DoesNotContain("", Words.OfGpt2(text));
        Assert.Equal(text.Where(character => !char.IsWhiteSpace(character)), string.Concat(Words.OfClip(text, [])).Where(character => !char.IsWhiteSpace(character)));
    });
}
