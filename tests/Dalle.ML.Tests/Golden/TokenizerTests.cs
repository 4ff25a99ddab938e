using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Text;
using Dalle.ML.Text.Cleaning;
using Dalle.ML.Text.Tokenizers;

namespace Dalle.ML.Tests.Golden;

/// <summary>Cleaning, words and ids against what the families' own code made of the same texts.</summary>
[Trait("Category", "Golden")]
public sealed class TokenizerTests
{
    private const string ClipVocabulary = "bpe_simple_vocab_16e6.txt.gz";

    private static readonly TextCleaning[] MinDalleCleaning = [TextCleaning.Demojize, TextCleaning.Lowercase, TextCleaning.AsciiOnly];

    private static readonly TextCleaning[] ClipBasicCleaning =
        [TextCleaning.FixText, TextCleaning.UnescapeHtml, TextCleaning.UnescapeHtml, TextCleaning.Trim];

    private static readonly TextCleaning[] ClipCleaning =
        [.. ClipBasicCleaning, TextCleaning.CollapseWhitespace, TextCleaning.Trim, TextCleaning.Lowercase];

    [Theory]
    [InlineData("min-dalle")]
    public void Prompts_of_min_dalle_become_the_reference_ids(string family)
    {
        var folder = GoldenFolder.Of(family);
        var tokenizer = MinDalle(folder, length: 1024);
        foreach (var test in Cases(folder, "tokenizer_cases.json"))
        {
            Assert.Equal(test.Text("cleaned"), TextCleaner.Clean(test.Text("text"), MinDalleCleaning));
            AssertIds(test, "ids", tokenizer.Encode(test.Text("text"))[..tokenizer.Count(test.Text("text"))]);
        }
    }

    [Theory]
    [InlineData("min-dalle")]
    public void Prompts_of_min_dalle_and_their_guidance_become_the_input_of_the_encoder(string family)
    {
        var folder = GoldenFolder.Of(family);
        var inputs = Directory.GetFiles(folder, "text_tokens.npy", SearchOption.AllDirectories);
        Assert.NotEmpty(inputs);
        foreach (var input in inputs.Select(path => Npy.Read(path)))
        {
            var tokenizer = MinDalle(folder, input.Shape[1]);
            var (unconditional, conditional) = (input.Longs()[..input.Shape[1]], input.Longs()[input.Shape[1]..]);
            var prompts = Cases(folder, "tokenizer_cases.json").Select(test => test.Text("text"));
            var prompt = prompts.FirstOrDefault(prompt => tokenizer.Encode(prompt).SequenceEqual(conditional));
            Assert.True(prompt is not null, $"No prompt becomes {string.Join(' ', conditional)}.");
            Assert.Equal(unconditional, tokenizer.Unconditional(prompt));
        }
    }

    [Theory]
    [InlineData("ru-dalle")]
    public void Prompts_of_ru_dalle_become_the_reference_ids(string family)
    {
        var folder = Path.Combine(GoldenFolder.Of(family), "tokenizer");
        var tokenizer = new YouTokenToMe(Path.Combine(folder, "bpe.model"));
        var lastLine = File.ReadAllLines(Path.Combine(folder, "bpe.model")).Last(line => line.Length > 0);
        var special = Array.ConvertAll(lastLine.Split(' '), int.Parse);
        foreach (var test in Cases(folder, "cases.json"))
        {
            AssertIds(test, "ids", tokenizer.Encode(test.Text("text")).Select(id => (long)id));
            var prepared = test.EnumerateObject().Single(property => property.Name.StartsWith("prepared", StringComparison.Ordinal));
            AssertIds(test, prepared.Name, new PromptTokenizer(folder, new TextFormat
            {
                Tokenizer = new TokenizerFiles { Kind = TokenizerKind.YouTokenToMe, Vocabulary = "bpe.model" },
                Vocabulary = int.MaxValue,
                Length = prepared.Value.GetArrayLength(),
                BosTokens = [special[2]],
                EosTokens = [special[3]],
                Padding = Padding.Shared,
                PaddingId = special[1],
            }).Encode(test.Text("text")));
        }
    }

    [Theory]
    [InlineData("openai-clip")]
    public void Texts_of_clip_are_cleaned_as_in_the_reference(string family)
    {
        foreach (var test in Cases(GoldenFolder.Of(family), "tokenizer_full.json"))
            Assert.Equal(test.Text("basic_clean"), TextCleaner.Clean(test.Text("text"), ClipBasicCleaning));
    }

    [Theory]
    [InlineData("openai-clip")]
    public void Texts_of_clip_become_the_reference_words(string family)
    {
        string[] marks = [ClipBpe.StartOfText, ClipBpe.EndOfText];
        foreach (var test in Cases(GoldenFolder.Of(family), "tokenizer_full.json"))
        {
            // Each word as it was decoded has a space after it; the marks have none.
            var words = Words.OfClip(TextCleaner.Clean(test.Text("text"), ClipCleaning), marks);
            Assert.Equal(test.Text("decoded"), string.Concat(words.Select(word => marks.Contains(word) ? word : word + " ")));
        }
    }

    [Theory]
    [InlineData("openai-clip")]
    public void Prompts_of_clip_become_the_input_of_its_text_tower(string family)
    {
        var folder = GoldenFolder.Of(family);
        Assert.SkipUnless(File.Exists(Path.Combine(folder, "bpe_tiny.txt.gz")), $"The vocabulary 'bpe_tiny.txt.gz' is not in '{folder}'.");
        var prompts = JsonSerializer.Deserialize<string[]>(File.ReadAllBytes(Path.Combine(folder, "prompts.json")))!;
        var inputs = Directory.GetFiles(folder, "tokens.npy", SearchOption.AllDirectories);
        Assert.NotEmpty(inputs);
        foreach (var path in inputs)
        {
            using var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Path.GetDirectoryName(path)!, "config.json")));
            var input = Npy.Read(path);
            var (start, end) = (config.RootElement.GetProperty("sot").GetInt32(), config.RootElement.GetProperty("eot").GetInt32());
            Assert.Equal(input.Longs(), prompts.SelectMany(Clip(folder, "bpe_tiny.txt.gz", input.Shape[1], [start], [end]).Encode));
        }
    }

    [Theory]
    [InlineData("openai-clip")]
    public void Texts_of_clip_become_the_reference_ids(string family)
    {
        var folder = GoldenFolder.Of(family);
        var vocabulary = ClipVocabularyFor(folder);
        var tokenizer = Clip(vocabulary, ClipVocabulary, length: 4096, [], []);
        var padded = Clip(vocabulary, ClipVocabulary, length: 77, [49406], [49407]);
        foreach (var test in Cases(folder, "tokenizer_full.json"))
        {
            AssertIds(test, "ids", tokenizer.Encode(test.Text("text"))[..tokenizer.Count(test.Text("text"))]);
            if (test.GetProperty("padded77").ValueKind == JsonValueKind.Array)
                AssertIds(test, "padded77", padded.Encode(test.Text("text")));
        }
    }

    [Theory]
    [InlineData("dalle-pytorch")]
    public void Texts_of_dalle_pytorch_become_the_reference_ids(string family)
    {
        var folder = GoldenFolder.Of(family);
        var tokenizer = Clip(ClipVocabularyFor(folder), ClipVocabulary, length: 256, [], []);
        foreach (var test in Cases(folder, "simple_tokenizer.json"))
        {
            var ids = tokenizer.Encode(test.Text("text")).ToList();
            AssertIds(test, "tokenize256_without_trailing_zeros", ids[..(ids.FindLastIndex(id => id != 0) + 1)]);
        }
    }

    /// <summary>A folder that has CLIP's whole vocabulary, which is no part of the reference data.</summary>
    private static string ClipVocabularyFor(string folder)
    {
        string[] candidates = [folder, GoldenFolder.Of("openai-clip")];
        var found = candidates.FirstOrDefault(candidate => File.Exists(Path.Combine(candidate, ClipVocabulary)));
        Assert.SkipWhen(found is null, $"CLIP's vocabulary '{ClipVocabulary}' is not in '{folder}'. It comes with openai/CLIP.");
        return found;
    }

    private static PromptTokenizer MinDalle(string folder, int length)
    {
        var vocabulary = Directory.GetFiles(folder, "vocab.json", SearchOption.AllDirectories).Single();
        var ids = JsonSerializer.Deserialize<Dictionary<string, int>>(File.ReadAllBytes(vocabulary))!;
        return new PromptTokenizer(Path.GetDirectoryName(vocabulary)!, new TextFormat
        {
            Tokenizer = new TokenizerFiles { Kind = TokenizerKind.SpacedBpe, Vocabulary = "vocab.json", Merges = "merges.txt" },
            Cleaning = MinDalleCleaning,
            Vocabulary = ids.Values.Max() + 1,
            Length = length,
            BosTokens = [ids["<s>"]],
            EosTokens = [ids["</s>"]],
            Padding = Padding.Shared,
            PaddingId = ids["<pad>"],
            Unconditional = UnconditionalPrompt.Ends,
        });
    }

    private static PromptTokenizer Clip(string folder, string vocabulary, int length, int[] start, int[] end) => new(folder, new TextFormat
    {
        Tokenizer = new TokenizerFiles { Kind = TokenizerKind.ClipBpe, Vocabulary = vocabulary },
        Cleaning = ClipCleaning,
        Vocabulary = 49408,
        Length = length,
        BosTokens = start,
        EosTokens = end,
        KeepEnd = true,
        Padding = Padding.Shared,
        PaddingId = 0,
    });

    private static IEnumerable<JsonElement> Cases(string folder, string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, file)));
        return [.. document.RootElement.Clone().EnumerateArray()];
    }

    private static void AssertIds(JsonElement test, string property, IEnumerable<long> actual)
    {
        var expected = test.GetProperty(property).EnumerateArray().Select(id => id.GetInt64());
        Assert.True(expected.SequenceEqual(actual),
            $"'{test.Text("text")}' should become {string.Join(' ', expected)}; it becomes {string.Join(' ', actual)}.");
    }
}

internal static class JsonElementExtensions
{
    public static string Text(this JsonElement element, string property) => element.GetProperty(property).GetString()!;
}
