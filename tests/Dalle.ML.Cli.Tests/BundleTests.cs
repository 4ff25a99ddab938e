namespace Dalle.ML.Cli.Tests;

/// <summary><c>info</c> and <c>verify</c>.</summary>
public sealed class BundleTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Info_describes_the_builtin_model_or_a_bundle()
    {
        using var model = DalleModel.LoadDefault();
        var text = await Run("info");
        Assert.Equal((0, ""), (text.ExitCode, text.Errors));
        Assert.Contains(text.Output, line => line.StartsWith("name ", StringComparison.Ordinal) && line.EndsWith(" emoji-128", StringComparison.Ordinal));
        Assert.Contains(text.Output, line => line.Contains(model.Info.Hash, StringComparison.Ordinal));

        var info = (await Run("info", DalleModel.DefaultPath, "--json")).Json.Single();
        Assert.Equal((model.Info.Hash, DalleModel.DefaultPath), (info.GetProperty("hash").GetString(), info.GetProperty("path").GetString()));
        Assert.Equal((16, 4096, true), (info.GetProperty("tokenRows").GetInt32(), info.GetProperty("imageVocabulary").GetInt32(), info.GetProperty("canRank").GetBoolean()));
        Assert.Equal(8, info.GetProperty("defaults").GetProperty("candidates").GetInt32());

        var missing = await Run("info", "no-such-model");
        Assert.Equal(1, missing.ExitCode);
        Assert.Contains("no-such-model", Assert.Single(missing.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Info_lists_the_words_of_a_model_or_says_that_it_does_not_tell_them()
    {
        using var model = DalleModel.LoadDefault();
        var text = await Run("info", "--words");
        Assert.Equal(0, text.ExitCode);
        Assert.Equal(model.Info.Vocabulary, text.Output);
        var json = (await Run("info", "--words", "--json")).Json.Single();
        Assert.Equal(model.Info.Vocabulary, json.GetProperty("words").EnumerateArray().Select(word => word.GetString()));

        var silent = await Run("info", TinyModel.Path, "--words");
        Assert.Equal(1, silent.ExitCode);
        Assert.Contains("does not tell the words", silent.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_finds_an_altered_file_and_goes_on()
    {
        var altered = Path.Combine(_folder.Path, "altered");
        Directory.CreateDirectory(altered);
        foreach (var file in Directory.GetFiles(DalleModel.DefaultPath))
            File.Copy(file, Path.Combine(altered, Path.GetFileName(file)));
        var graph = Directory.GetFiles(altered, "*.onnx").Order().First();
        var bytes = File.ReadAllBytes(graph);
        bytes[^1] ^= 1;
        File.WriteAllBytes(graph, bytes);

        var run = await Run("verify", "altered", DalleModel.DefaultPath);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains(Path.GetFileName(graph), Assert.Single(run.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        using var model = DalleModel.LoadDefault();
        Assert.Equal($"OK {model.Info.Hash} {DalleModel.DefaultPath}", Assert.Single(run.Output));

        var json = await Run("verify", "altered", DalleModel.DefaultPath, "--json");
        Assert.Equal((1, ""), (json.ExitCode, json.Errors));
        Assert.Equal([false, true], json.Json.Select(line => line.GetProperty("ok").GetBoolean()));
        Assert.Contains(Path.GetFileName(graph), json.Json[0].GetProperty("error").GetString(), StringComparison.Ordinal);

        Assert.Equal(0, (await Run("verify", DalleModel.DefaultPath)).ExitCode);
    }

    private Task<Tool> Run(params string[] arguments) => Tool.RunAsync(_folder.Path, arguments);
}
