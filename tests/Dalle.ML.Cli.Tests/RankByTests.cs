using System.Globalization;

namespace Dalle.ML.Cli.Tests;

/// <summary><c>--rank-by</c> and <c>--by</c>: what candidates and images are ordered by.</summary>
public sealed class RankByTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Candidates_are_ranked_by_perplexity_or_by_both()
    {
        string[] common = ["generate", "a cat", "--seed", "4", "--candidates", "4", "--best", "4", "--json", "-q"];
        var clip = await Run([.. common, "-o", "clip"]);
        Assert.All(clip.Json, line => Assert.False(line.TryGetProperty("perplexity", out _)));
        var perplexity = await Run([.. common, "--rank-by", "perplexity", "-o", "perplexity"]);
        var values = perplexity.Json.Select(line => line.GetProperty("perplexity").GetSingle()).ToArray();
        Assert.Equal(values.Order(), values);
        Assert.All(values, value => Assert.InRange(value, 1, float.MaxValue));
        var both = await Run([.. common, "--rank-by", "both", "-o", "both"]);
        Assert.Equal(Candidates(clip), Candidates(both));
        Assert.Equal(
            perplexity.Json.ToDictionary(Candidate, line => line.GetProperty("perplexity").GetSingle()),
            both.Json.ToDictionary(Candidate, line => line.GetProperty("perplexity").GetSingle()));

        static int Candidate(System.Text.Json.JsonElement line) => line.GetProperty("candidate").GetInt32();
        static IEnumerable<int> Candidates(Tool run) => run.Json.Select(Candidate);
    }

    [Fact]
    public async Task Images_are_ranked_by_perplexity_the_lowest_first()
    {
        foreach (var prompt in new[] { "a cat", "a red apple", "a banana" })
            Pictures.Generate(_folder, prompt, prompt[2..].Replace(' ', '-') + ".png");
        using var model = DalleModel.LoadDefault();
        string[] files = ["cat.png", "red-apple.png", "banana.png"];
        var expected = files.ToDictionary(file => file, file =>
        {
            using var image = new ImageReader().Read(Path.Combine(_folder.Path, file));
            return model.Perplexity("a cat", image);
        });
        var scored = await Run(["score", "a cat", .. files, "--by", "perplexity", "--json"]);
        Assert.Equal(files.Select(file => expected[file]), scored.Json.Select(line => line.GetProperty("perplexity").GetSingle()), Near);
        var ranked = await Run(["rank", "a cat", .. files, "--rank-by", "perplexity"]);
        Assert.Equal(files.OrderBy(file => expected[file]), ranked.Output.Select(line => line.Split('\t')[^1]));
        Assert.Contains("lower fits better, at least 1.0", ranked.Errors, StringComparison.Ordinal);
        var both = await Run(["rank", "a cat", .. files, "--rank-by", "both", "--top", "1"]);
        var numbers = both.Output.Single().Split('\t');
        Assert.Equal((3, "cat.png"), (numbers.Length, numbers[2]));
        Assert.Equal(expected["cat.png"], float.Parse(numbers[1], CultureInfo.InvariantCulture), Near);

        static bool Near(float a, float b) => Math.Abs(a - b) <= 1e-3f * Math.Abs(a);
    }

    [Fact]
    public async Task A_batch_notes_perplexities_and_is_another_batch_by_another_judge()
    {
        File.WriteAllText(Path.Combine(_folder.Path, "prompts.txt"), "a cat\na dog\n");
        string[] common = ["batch", "prompts.txt", "-o", "out", "--seed", "1", "--candidates", "2", "-q"];
        Assert.Equal(0, (await Run([.. common, "--rank-by", "perplexity"])).ExitCode);
        var lines = File.ReadAllLines(Path.Combine(_folder.Path, "out", "manifest.jsonl"));
        Assert.All(lines, line => Assert.Contains("\"perplexity\":", line, StringComparison.Ordinal));
        var other = await Run(common);
        Assert.Equal(1, other.ExitCode);
        Assert.Contains("--rank-by is perplexity there and clip here", other.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--rank-by must be clip, perplexity or both.", "generate", "a cat", "--rank-by", "likelihood")]
    [InlineData("--rank-by must be clip, perplexity or both.", "rank", "a cat", "x.png", "--rank-by", "best")]
    [InlineData("--by must be clip, likelihood or perplexity.", "score", "a cat", "x.png", "--by", "both")]
    [InlineData("--by must be clip or likelihood.", "classify", "x.png", "--labels", "a,b", "--by", "perplexity")]
    public async Task Usage_errors_name_the_option(string message, params string[] arguments)
    {
        var run = await Run(arguments);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains(message, run.Errors, StringComparison.Ordinal);
    }

    private Task<Tool> Run(params string[] arguments) => Tool.RunAsync(_folder.Path, arguments);
}
