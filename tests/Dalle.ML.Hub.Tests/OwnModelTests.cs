namespace Dalle.ML.Hub.Tests;

/// <summary>The list of models: the catalogue, a user's own entries, and what lies on this machine.</summary>
public sealed class OwnModelTests : HubTest
{
    [Fact]
    public void Without_a_file_of_ones_own_the_catalogue_is_the_embedded_one()
    {
        Environment.Remove("DALLE_CATALOG");
        var models = DalleHub.ListModels(Options);
        Assert.All(models, model => Assert.True(model is { IsPublished: true, Path: null, DownloadSize: > 0, License.Length: > 0, Description.Length: > 0 }, model.Name));
        foreach (var name in new[] { "min-dalle-mini", "dalle-mega", "ru-dalle-malevich", "openai-dvae", "clip-vit-b-32" })
            Assert.Contains(models, model => model.Name == name);
        Assert.True(models.Single(model => model.Name == "minDALL-E").RequiresAcceptance);
    }

    [Fact]
    public void A_file_of_ones_own_extends_the_catalogue_and_goes_before_it()
    {
        WriteCatalog(MiniModel() with { Description = "mine" }, MiniModel() with { Name = "min-dalle-mini", Description = "also mine" });
        var models = DalleHub.ListModels(Options);
        Assert.Equal("mine", models.Single(model => model.Name == Mini).Description);
        Assert.Equal("also mine", models.Single(model => model.Name == "min-dalle-mini").Description);
        Assert.Contains(models, model => model.Name == "dalle-mega");
    }

    [Fact]
    public async Task What_is_on_this_machine_is_listed_whether_it_was_pulled_or_not()
    {
        var pulled = await PullAsync(Mini);
        var second = In("second");
        Environment["DALLE_MODELS"] = string.Join(Path.PathSeparator, Models, In("no-such-folder"), second);
        CopyTo(pulled, Path.Combine(second, "own"));
        CopyTo(pulled, Path.Combine(second, Mini));
        CopyTo(pulled, In("home/.cache/dalle-ml/models/in-the-cache"));
        Directory.CreateDirectory(Path.Combine(second, "no-model"));
        Directory.CreateDirectory(Path.Combine(second, "damaged"));
        File.WriteAllText(Path.Combine(second, "damaged", "dalle.json"), "{");

        var models = DalleHub.ListModels(Options);
        Assert.Equal(pulled, models.Single(model => model.Name == Mini).Path);
        Assert.Equal(["damaged", "own", "in-the-cache"], models.Where(model => !model.IsPublished).Select(model => model.Name));
        var own = models.Single(model => model.Name == "own");
        Assert.Equal((Path.Combine(second, "own"), "min-dalle", "MIT", "Noise", 0L), (own.Path, own.Family, own.License, own.Description, own.DownloadSize));
        Assert.Contains("is not a bundle's manifest", models.Single(model => model.Name == "damaged").Note, StringComparison.Ordinal);
    }

    /// <summary>The sample in the documentation is one.</summary>
    [Fact]
    public void The_catalogue_of_the_documentation_can_be_read()
    {
        var page = File.ReadAllText(Path.Combine(Dalle.ML.Tests.Repository.Root, "docs", "pull.md"));
        var json = page.Split("```json\n")[1].Split("```")[0];
        File.WriteAllText(In("catalog.json"), json);
        Assert.Contains(DalleHub.ListModels(Options), model => model is { Name: "birds", DownloadSize: > 0 });
    }

    [Theory]
    [InlineData("{", "is not a catalogue of models")]
    [InlineData("""{"version": 2, "models": []}""", "its version is 2")]
    [InlineData("""{"version": 1, "models": [{"name": "x"}]}""", "is not a catalogue of models")]
    [InlineData("""{"version": 1, "models": [], "extra": 1}""", "extra")]
    [InlineData("""{"version": 1, "models": [{"name": "../x", "description": "", "family": "clip", "license": "MIT", "files": [{"path": "a.pt", "sources": ["https://a.invalid/a"]}]}]}""", "cannot be the name of a folder")]
    [InlineData("""{"version": 1, "models": [{"name": "x", "description": "", "family": "gan", "license": "MIT", "files": [{"path": "a.pt", "sources": ["https://a.invalid/a"]}]}]}""", "unknown family 'gan'")]
    [InlineData("""{"version": 1, "models": [{"name": "x", "description": "", "family": "clip", "license": "MIT", "files": []}]}""", "has no files")]
    [InlineData("""{"version": 1, "models": [{"name": "x", "description": "", "family": "clip", "license": "MIT", "files": [{"path": "../a.pt", "sources": ["https://a.invalid/a"]}]}]}""", "not a relative path inside the checkpoint")]
    [InlineData("""{"version": 1, "models": [{"name": "x", "description": "", "family": "clip", "license": "MIT", "files": [{"path": "a.pt", "sources": ["ftp://a.invalid/a"]}]}]}""", "hf://owner/repository@revision/path")]
    [InlineData("""{"version": 1, "models": [{"name": "x", "description": "", "family": "clip", "license": "MIT", "files": [{"path": "a.pt", "sources": ["https://a.invalid/a"], "sha256": "12"}]}]}""", "not 64 hexadecimal digits")]
    public void A_fault_of_a_catalogue_is_told(string json, string words)
    {
        File.WriteAllText(In("catalog.json"), json);
        var error = Assert.Throws<DalleHubException>(() => DalleHub.ListModels(Options));
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.Contains(In("catalog.json"), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_catalogue_that_is_not_there_is_named()
    {
        Environment["DALLE_CATALOG"] = In("no-such.json");
        var error = Assert.Throws<DalleHubException>(() => DalleHub.ListModels(Options));
        Assert.Contains("no-such.json", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("min-dale-mini", "Did you mean 'min-dalle-mini'?")]
    [InlineData("mindall-e", null)]
    [InlineData("TINY-MINY", "Did you mean 'tiny-mini'?")]
    [InlineData("stable-diffusion-xl", "Models: ")]
    public async Task The_nearest_name_is_suggested(string name, string? words)
    {
        Environment["HF_HUB_OFFLINE"] = "1";
        var error = await Assert.ThrowsAsync<DalleHubException>(() => PullAsync(name));
        // Letters may be of either case.
        Assert.Contains(words ?? "minDALL-E", error.Message, StringComparison.Ordinal);
        Assert.Equal(words?.StartsWith("Did", StringComparison.Ordinal) ?? false, error.Message.Contains("Did you mean", StringComparison.Ordinal));
    }

    private static void CopyTo(string bundle, string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var file in Directory.EnumerateFiles(bundle))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
    }
}
