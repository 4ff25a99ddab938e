using Dalle.ML.Tests;
using Dalle.ML.Text.Cleaning;
using Dalle.ML.Text.Tokenizers;
using Dalle.ML.Training.Data;

namespace Dalle.ML.Training.Tests.Data;

/// <summary>The vocabulary that is learnt from captions.</summary>
public sealed class TrainingTextTests : IDisposable
{
    private static readonly string[] Captions =
        [.. from color in new[] { "red", "GREEN", "blue" } from thing in new[] { "circle", "square", "Straße", "猫", "👍🏽", "don't" } select $"a {color} {thing}, 3 times"];

    private readonly TemporaryFolder _folder = new(isInMemory: true);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void It_is_the_same_whatever_the_order_of_captions()
    {
        var text = TrainingText.Learn(Captions, 300);
        Assert.Equal(text.Vocabulary, TrainingText.Learn(Captions.Reverse(), 300).Vocabulary);
        Assert.InRange(text.VocabularySize, 280, 300);
    }

    [Fact]
    public void Frequent_words_become_one_token_and_rare_ones_stay_parts()
    {
        var text = TrainingText.Learn(Captions, 2048);
        Assert.Equal(3, Encode(text, "a red circle").Length);
        Assert.True(Encode(text, "a xylophone").Length > 5);
        // Merges end where nothing occurs twice.
        Assert.True(text.VocabularySize < 400);
    }

    /// <summary>The model reads prompts by the files; so every caption must have been learnt under those very ids.</summary>
    [Fact]
    public void Its_files_give_the_exported_model_the_same_ids()
    {
        var text = TrainingText.Learn(Captions, 320);
        text.Save(_folder.Path);
        var exported = new ByteLevelBpe(BpeFiles.Read(Path.Combine(_folder.Path, "vocab.json"), Path.Combine(_folder.Path, "merges.txt")));
        var read = new TrainingText(_folder.Path);

        foreach (var caption in (string[])[.. Captions, "", "  ", "ΌΣ İstanbul", "\ud800 half"])
        {
            var ids = Encode(text, caption);
            Assert.Equal(exported.Encode(LowerCase.Of(caption)), ids);
            Assert.Equal(ids, Encode(read, caption));
            Assert.All(ids, id => Assert.InRange(id, 0, text.VocabularySize - 1));
        }
    }

    [Fact]
    public void With_a_leading_space_the_first_word_is_the_token_that_it_is_elsewhere()
    {
        TrainingText.Learn(Captions, 2048).Save(_folder.Path);
        var (plain, spaced) = (new TrainingText(_folder.Path), new TrainingText(_folder.Path, hasLeadingSpace: true));

        Assert.NotEqual(Encode(plain, "a red circle")[2..], Encode(plain, "circle"));
        Assert.Equal(Encode(plain, "a red circle")[2..], Encode(spaced, "circle"));
        Assert.Equal(Encode(spaced, "circle"), Encode(spaced, "  Circle"));
        Assert.Empty(Encode(spaced, ""));
        Assert.True(spaced.Extend(Captions, 10).HasLeadingSpace);
    }

    [Fact]
    public void Dropout_splits_words_and_loses_nothing()
    {
        var text = TrainingText.Learn(Captions, 320);
        var tokens = text.Vocabulary.ToDictionary(token => token.Value, token => token.Key);
        string Spell(int[] ids) => string.Concat(ids.Select(id => tokens[id]));
        var whole = Encode(text, "a green square");
        var random = new Random(3);

        var splits = Enumerable.Range(0, 50).Select(_ => text.Encode("a green square", 0.5, random)).ToArray();

        Assert.Contains(splits, ids => ids.Length > whole.Length);
        Assert.All(splits, ids => Assert.Equal(Spell(whole), Spell(ids)));
        Assert.Equal(text.Encode("a green square", 0.5, new Random(7)), text.Encode("a green square", 0.5, new Random(7)));
    }

    [Fact]
    public void New_words_are_added_to_a_given_vocabulary_whose_ids_stay()
    {
        var given = new TrainingText(Path.Combine(Repository.Root, "onnx", "emoji-128"));
        string[] captions = [.. Enumerable.Repeat("a photo of zyxwvut on the sofa", 3)];

        var text = given.Extend(captions, 5);

        Assert.Equal(given.VocabularySize + 5, text.VocabularySize);
        Assert.All(given.Vocabulary, token => Assert.Equal(token.Value, text.Vocabulary[token.Key]));
        Assert.Equal(Encode(given, "a red apple"), Encode(text, "a red apple"));
        Assert.True(Encode(text, captions[0]).Length < Encode(given, captions[0]).Length);
        Assert.Equal(given.VocabularySize, given.Extend([], 100).VocabularySize);
    }

    [Theory]
    [InlineData("{\"a\": 0}", "#version\n", "is no byte-level BPE")]
    [InlineData("{\"a\": 0, \"b\": 1}", "a b\n", "lacks")]
    [InlineData("[]", "", "not a JSON object")]
    [InlineData("{}", "a\n", "is not two tokens")]
    public void Files_that_are_no_vocabulary_are_told(string vocabulary, string merges, string message)
    {
        File.WriteAllText(Path.Combine(_folder.Path, "vocab.json"), vocabulary);
        File.WriteAllText(Path.Combine(_folder.Path, "merges.txt"), merges);
        Assert.Contains(message, Assert.Throws<InvalidDataException>(() => new TrainingText(_folder.Path)).Message, StringComparison.Ordinal);
    }

    private static int[] Encode(TrainingText text, string caption) => text.Encode(caption, 0, Random.Shared);
}
