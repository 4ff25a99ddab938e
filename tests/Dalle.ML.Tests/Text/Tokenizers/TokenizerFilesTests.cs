using System.IO.Compression;
using System.Text;
using Dalle.ML.Bundles;
using Dalle.ML.Text.Tokenizers;

namespace Dalle.ML.Tests.Text.Tokenizers;

/// <summary>A tokenizer's files come with a model, from anywhere: what is wrong with one is an error that names it.</summary>
public sealed class TokenizerFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("", "a b", "'vocab.json' is not a JSON object")]
    [InlineData("[]", "a b", "'vocab.json' is not a JSON object")]
    [InlineData("null", "a b", "'vocab.json' is not a JSON object")]
    [InlineData("""{"a": "one"}""", "a b", "'vocab.json' is not a JSON object")]
    [InlineData("""{"a": 99999999999}""", "a b", "'vocab.json' is not a JSON object")]
    [InlineData("""{"a": 0, "b": 1, "ab": 2}""", "a b\na b c", "line 2 of 'merges.txt'")]
    [InlineData("""{"a": 0, "b": 1, "ab": 2}""", "a b\n a", "line 2 of 'merges.txt'")]
    [InlineData("""{"a": 0, "b": 1}""", "a b", "'merges.txt'")]
    public void Files_of_a_bpe_that_are_malformed_are_refused(string vocabulary, string merges, string reason)
    {
        Write("vocab.json", vocabulary);
        Write("merges.txt", merges);
        Refused(TokenizerKind.ByteLevelBpe, "vocab.json", "merges.txt", reason);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1 0\n9601 4")]
    [InlineData("1 1\n9601 4\n4 4\n1 0 2 3")]
    [InlineData("2000000000 0\n9601 4\n1 0 2 3")]
    [InlineData("1 0\n9601 -4\n1 0 2 3")]
    [InlineData("1 0\n9601 x\n1 0 2 3")]
    [InlineData("1 0\n97 4\n1 0 2 3")]
    public void Models_of_YouTokenToMe_that_are_malformed_are_refused(string model)
    {
        Write("bpe.model", model);
        Refused(TokenizerKind.YouTokenToMe, "bpe.model", null, "'bpe.model'");
    }

    [Fact]
    public void Files_that_are_missing_or_too_large_or_unpack_without_end_are_refused()
    {
        Refused(TokenizerKind.YouTokenToMe, "bpe.model", null, "'bpe.model'");
        File.WriteAllBytes(Path.Combine(_folder.Path, "bpe.model"), new byte[(32 << 20) + 1]);
        Refused(TokenizerKind.YouTokenToMe, "bpe.model", null, "'bpe.model' has more than 32 MiB");
        using (var bomb = new GZipStream(File.Create(Path.Combine(_folder.Path, "merges.gz")), CompressionLevel.SmallestSize))
            bomb.Write(new byte[33 << 20]);
        Refused(TokenizerKind.ClipBpe, "merges.gz", null, "'merges.gz' has more than 32 MiB");
        File.WriteAllBytes(Path.Combine(_folder.Path, "merges.gz"), File.ReadAllBytes(Path.Combine(_folder.Path, "merges.gz"))[..100]);
        Refused(TokenizerKind.ClipBpe, "merges.gz", null, "'merges.gz'");
    }

    [Fact]
    public void Clip_reads_its_list_of_merges_packed_and_plain_and_the_two_files_made_from_it()
    {
        const string List = "\"bpe_simple_vocab_16e6.txt#version: 0.2\nc a\nca t</w>\nd o\n";
        Write("list.txt", List);
        using (var packed = new GZipStream(File.Create(Path.Combine(_folder.Path, "list.gz")), CompressionLevel.Fastest))
            packed.Write(Encoding.UTF8.GetBytes(List));
        Write("vocab.json", """
            {"g</w>": 1, "c": 2, "a": 3, "t</w>": 4, "d": 5, "o": 6, "ca": 512, "cat</w>": 513, "do": 514, "<|endoftext|>": 516}
            """);
        Write("merges.txt", "#version: 0.2\nc a\nca t</w>\nd o\n");

        // Bytes that print have ids from ! on, and 256 more at the end of a word; the marks follow the three merges.
        var plain = Open(TokenizerKind.ClipBpe, "list.txt", null);
        Assert.Equal([513, 514, 256 + 'g' - '!', 516], plain.Encode("cat dog <|endoftext|>"));
        Assert.Equal([515, 513, 516], plain.Encode("<|startoftext|>cat<|endoftext|>"));
        Assert.Equal(plain.Encode("a cat & 12 ünicode"), Open(TokenizerKind.ClipBpe, "list.gz", null).Encode("a cat & 12 ünicode"));
        Assert.Equal([513, 514, 1, 516], Open(TokenizerKind.ClipBpe, "vocab.json", "merges.txt").Encode("cat dog <|endoftext|>"));
    }

    [Fact]
    public void Tokens_of_YouTokenToMe_with_the_same_letters_keep_apart()
    {
        // ▁ab comes together as ▁a+b or as ▁+ab, which are two tokens. The first rule that fits wins, and a run of unknown letters is one.
        Write("bpe.model", "3 4\n9601 4\n97 5\n98 6\n4 5 7\n7 6 8\n5 6 9\n4 9 10\n1 0 2 3\n");
        Assert.Equal([8], Open(TokenizerKind.YouTokenToMe, "bpe.model", null).Encode("ab"));
        Assert.Equal([4, 1, 9, 1], Open(TokenizerKind.YouTokenToMe, "bpe.model", null).Encode("xyabz"));
        Write("bpe.model", "3 4\n9601 4\n97 5\n98 6\n5 6 9\n4 9 10\n4 5 7\n7 6 8\n1 0 2 3\n");
        Assert.Equal([10], Open(TokenizerKind.YouTokenToMe, "bpe.model", null).Encode("ab"));
    }

    public static IEnumerable<TheoryDataRow<int>> LongWords => [new(10_000), new TheoryDataRow<int>(100_000).WithTrait("Category", "Slow")];

    [Theory]
    [MemberData(nameof(LongWords))]
    public void A_word_of_many_thousand_letters_is_read(int letters)
    {
        Write("vocab.json", """{"<unk>": 0, "[UNK]": 1, "Ġ": 2, "a": 3, "a</w>": 4, "aa": 5, "aaaa": 6}""");
        Write("merges.txt", "a a\naa aa");
        Write("bpe.model", "2 1\n9601 4\n97 5\n5 5 6\n1 0 2 3\n");
        var word = new string('a', letters);
        Assert.Equal(letters / 4, Open(TokenizerKind.ByteLevelBpe, "vocab.json", "merges.txt").Encode(word).Count());
        Assert.Equal(letters / 4 + 1, Open(TokenizerKind.SpacedBpe, "vocab.json", "merges.txt").Encode(word).Count());
        Assert.Equal(letters / 4 + 2, Open(TokenizerKind.CharBpe, "vocab.json", "merges.txt").Encode(word).Count());
        Assert.Equal(letters / 2 + 1, Open(TokenizerKind.YouTokenToMe, "bpe.model", null).Encode(word).Count());
    }

    private void Write(string file, string text) => File.WriteAllText(Path.Combine(_folder.Path, file), text);

    private ITextTokenizer Open(TokenizerKind kind, string vocabulary, string? merges) =>
        TextTokenizer.Open(_folder.Path, new TokenizerFiles { Kind = kind, Vocabulary = vocabulary, Merges = merges });

    private void Refused(TokenizerKind kind, string vocabulary, string? merges, string reason) =>
        Assert.Contains(
            reason, Assert.Throws<DalleBundleException>(() => Open(kind, vocabulary, merges)).Message, StringComparison.Ordinal);
}
