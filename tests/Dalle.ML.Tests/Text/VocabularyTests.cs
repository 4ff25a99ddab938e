using System.Text;
using System.Text.Json.Nodes;
using Dalle.ML.Bundles;

namespace Dalle.ML.Tests.Text;

public sealed class VocabularyTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _bundle;

    public VocabularyTests() => _bundle = _folder.CopyOf(TinyModel.Path, "bundle");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("an axolotl on a mat", "axolotl mat")]
    [InlineData("An APPLE on a blue background, two t-shirts!", "")]
    [InlineData("a picture of a cat wearing a top hat", "")]
    [InlineData("Teal cats, teal dogs and the queen's 3 yo-yos", "teal queen's")]
    [InlineData("", "")]
    public void Words_that_the_built_in_model_never_saw_are_found(string prompt, string unseen)
    {
        using var model = DalleModel.LoadDefault();
        Assert.Equal(unseen.Split(' ', StringSplitOptions.RemoveEmptyEntries), model.FindUnseenWords(prompt));
    }

    [Fact]
    public void The_built_in_model_lists_its_world()
    {
        using var model = DalleModel.LoadDefault();
        Assert.Empty(new[] { "a", "hot dog", "hot dogs", "mice", "purple", "wearing", "crescent" }.Except(model.Info.Vocabulary!));
        Assert.DoesNotContain("axolotl", model.Info.Vocabulary!);
    }

    /// <summary>Pipelines, tokens and batches that were saved before a model had words know it by its hash.</summary>
    [Fact]
    public void Words_do_not_change_a_models_hash()
    {
        var before = Bundle.HashOf(_bundle);
        Add("cat\n");
        Assert.Equal(before, Bundle.HashOf(_bundle));
        using var model = DalleModel.Load(_bundle);
        Assert.Equal((before, "cat"), (model.Info.Hash, Assert.Single(model.Info.Vocabulary!)));
    }

    [Fact]
    public void A_bundle_without_words_says_nothing()
    {
        using var model = TinyModel.Load();
        Assert.Null(model.Info.Vocabulary);
        Assert.Empty(model.FindUnseenWords("an axolotl"));
    }

    [Fact]
    public void Words_are_compared_as_the_prompt_is_cleaned()
    {
        Add("\uFEFFRed Panda\r\n\r\nhot dog\n");
        using var model = DalleModel.Load(_bundle);
        Assert.Equal(["Red Panda", "hot dog"], model.Info.Vocabulary!);
        Assert.Equal(["pandas", "dogs"], model.FindUnseenWords("RED pandas, hot dogs, hot panda dog"));
    }

    [Theory]
    [InlineData("cat\n\u001b[31mdog\n", "entry 2 of the file of words 'words.txt' is longer than 200 characters or holds control characters")]
    [InlineData("\u00FF", "is not UTF-8")]
    public void A_file_that_is_no_list_of_words_is_refused(string content, string reason)
    {
        Add(content, Encoding.Latin1);
        Assert.Contains(reason, Assert.Throws<DalleBundleException>(() => DalleModel.Load(_bundle)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_words_is_one_of_the_bundles_files()
    {
        Add("cat\n");
        File.WriteAllText(Path.Combine(_bundle, "words.txt"), "dog\n");
        Assert.Contains("'words.txt' is not the one", Assert.Throws<DalleBundleException>(() => DalleModel.Load(_bundle)).Message, StringComparison.Ordinal);
        Edit(manifest => manifest["words"] = "../words.txt");
        Assert.Contains("'words' names the file '../words.txt'", Assert.Throws<DalleBundleException>(() => DalleModel.Load(_bundle)).Message, StringComparison.Ordinal);
    }

    private void Add(string words, Encoding? encoding = null)
    {
        var path = Path.Combine(_bundle, "words.txt");
        File.WriteAllBytes(path, (encoding ?? Encoding.UTF8).GetBytes(words));
        var record = Bundle.Describe(path);
        Edit(manifest =>
        {
            manifest["words"] = "words.txt";
            manifest["files"]!["words.txt"] = new JsonObject { ["size"] = record.Size, ["sha256"] = record.Sha256 };
        });
    }

    private void Edit(Action<JsonNode> edit)
    {
        var path = Path.Combine(_bundle, "dalle.json");
        var manifest = JsonNode.Parse(File.ReadAllText(path))!;
        edit(manifest);
        File.WriteAllText(path, manifest.ToJsonString());
    }
}
