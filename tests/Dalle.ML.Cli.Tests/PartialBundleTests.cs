namespace Dalle.ML.Cli.Tests;

/// <summary>Bundles of a part of DALL·E: what they have works, and what they have not is said.</summary>
public sealed class PartialBundleTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public PartialBundleTests() => Pictures.Generate(_folder, "a red apple", "apple.png");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_discrete_vae_alone_reconstructs()
    {
        await Succeed("export", "openai-dvae", "--random", "--size", "tiny", "--set", "width=48", "--set", "height=32", "-o", "codec");
        await Succeed("verify", "codec");
        var info = (await Succeed("info", "codec", "--json")).Json.Single();
        Assert.Equal((48, 4, 6), (info.GetProperty("imageWidth").GetInt32(), info.GetProperty("tokenRows").GetInt32(), info.GetProperty("tokenColumns").GetInt32()));
        Assert.Equal((false, true, true), (info.GetProperty("canGenerate").GetBoolean(), info.GetProperty("canDecode").GetBoolean(), info.GetProperty("canEncode").GetBoolean()));
        var report = (await Succeed("reconstruct", "apple.png", "-m", "codec", "-o", "out", "--json")).Json.Single();
        Assert.True(File.Exists(report.GetProperty("file").GetString()));
        await Succeed("bench", "-m", "codec", "--json");
        await Fail("cannot generate", "generate", "a cat", "-m", "codec", "--seed", "1", "-o", "out");
        await Fail("has no CLIP", "score", "a cat", "apple.png", "-m", "codec");
    }

    [Fact]
    public async Task A_clip_alone_ranks_and_is_added_to_a_model()
    {
        await Succeed("export", "clip", "--random", "--size", "tiny", "-o", "ranker");
        await Succeed("verify", "ranker");
        Assert.Contains(await Output("info", "ranker"), line => line.StartsWith("images", StringComparison.Ordinal) && line.EndsWith("none", StringComparison.Ordinal));
        await Succeed("score", "a cat", "apple.png", "-m", "ranker");
        await Succeed("bench", "-m", "ranker", "--json");
        await Fail("neither encodes nor decodes", "encode", "apple.png", "-m", "ranker");

        await Succeed("export", "dalle", "--random", "--size", "tiny", "--clip", "ranker", "-o", "model");
        Directory.Delete(Path.Combine(_folder.Path, "ranker"), recursive: true);
        await Succeed("verify", "model");
        await Succeed("generate", "a cat", "-m", "model", "--candidates", "2", "--seed", "1", "-o", "out");

        await Succeed("export", "dalle", "--random", "--size", "tiny", "-o", "unranked");
        File.WriteAllText(Path.Combine(_folder.Path, "prompts.txt"), "a cat\n");
        foreach (string[] command in new string[][] { ["generate", "a cat"], ["complete", "apple.png", "a cat", "--keep", "top:1"], ["batch", "prompts.txt"] })
        {
            var run = await Tool.RunAsync(_folder.Path, [.. command, "-m", "unranked", "--candidates", "2", "-o", "none"]);
            Assert.Equal(2, run.ExitCode);
            Assert.StartsWith("dalle: --candidates 2: nothing ranks the candidates, because the model '", run.Errors, StringComparison.Ordinal);
        }
        await Succeed("generate", "a cat", "-m", "unranked", "--seed", "1", "-o", "out");

        await Succeed("export", "openai-dvae", "--random", "--size", "tiny", "-o", "codec");
        await Fail("it has no CLIP", "export", "dalle", "--random", "--size", "tiny", "--clip", "codec", "-o", "other");
    }

    private async Task<string[]> Output(params string[] arguments) => (await Succeed(arguments)).Output;

    private async Task<Tool> Succeed(params string[] arguments)
    {
        var run = await Tool.RunAsync(_folder.Path, arguments);
        Assert.True(run.ExitCode == 0, $"dalle {string.Join(' ', arguments)}: {run.Errors}");
        return run;
    }

    private async Task Fail(string reason, params string[] arguments)
    {
        var run = await Tool.RunAsync(_folder.Path, arguments);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains(reason, Assert.Single(run.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }
}
