using System.Globalization;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli.Tests;

/// <summary><c>score</c>, <c>rank</c> and <c>classify</c>.</summary>
public sealed class ClipTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _apple;

    public ClipTests()
    {
        Pictures.Generate(_folder, "a cat", "cat.png");
        _apple = Pictures.Generate(_folder, "a red apple", "apple.png");
        Pictures.Generate(_folder, "a banana", "banana.png");
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Scores_come_in_the_order_given()
    {
        var run = await Run("score", "a red apple", "cat.png", "apple.png", "--json");
        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        Assert.Equal(["cat.png", "apple.png"], run.Json.Select(line => line.GetProperty("file").GetString()));
        using var model = DalleModel.LoadDefault();
        using var image = MLImage.CreateFromFile(_apple);
        Assert.Equal(model.Score("a red apple", image), run.Json[1].GetProperty("score").GetSingle(), tolerance: 1e-4f);
        Assert.Equal("a red apple", run.Json[1].GetProperty("prompt").GetString());

        var text = await Tool.RunAsync(_folder.Path, ["score", "a red apple", "-"], File.ReadAllBytes(_apple));
        Assert.Equal([run.Json[1].GetProperty("score").GetSingle().ToString("F4", CultureInfo.InvariantCulture), "-"], text.Output.Single().Split('\t'));

        // What it means: the scale, and texts of other things.
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"higher fits better, at most {model.Info.ClipScale:F1}. For comparison, the texts 'a dog', 'a house', 'a bicycle', 'the sea', 'a clock' score "), text.Errors, StringComparison.Ordinal);
        Assert.Equal("", run.Errors);
    }

    [Fact]
    public async Task Ranks_come_best_first()
    {
        var all = await Run("rank", "a red apple", "cat.png", "apple.png", "banana.png", "--json");
        Assert.Equal("apple.png", all.Json[0].GetProperty("file").GetString());
        Assert.Equal(all.Json.OrderByDescending(line => line.GetProperty("score").GetSingle()).Select(line => line.GetRawText()), all.Output);
        var top = await Run("rank", "a red apple", "cat.png", "apple.png", "banana.png", "--top", "1");
        Assert.EndsWith("\tapple.png", Assert.Single(top.Output), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Labels_come_most_likely_first_with_probabilities()
    {
        var one = await Run("classify", "apple.png", "--labels", "cat, red apple,banana");
        Assert.StartsWith("red apple\t", one.Output[0], StringComparison.Ordinal);
        Assert.Equal(3, one.Output.Length);

        var two = await Run("classify", "apple.png", "cat.png", "--labels", "cat,red apple", "--template", "a {}", "--json");
        Assert.Equal(["red apple", "cat"], two.Json.Select(line => line.GetProperty("label").GetString()));
        Assert.All(two.Json, line => Assert.Equal(1, line.GetProperty("classes").EnumerateArray().Sum(each => each.GetProperty("probability").GetDouble()), tolerance: 1e-6));

        // The template makes a prompt of the label, so the probabilities follow from the scores of the prompts.
        var scores = await Task.WhenAll(Run("score", "a cat", "cat.png", "--json"), Run("score", "a red apple", "cat.png", "--json"));
        var difference = scores[1].Json[0].GetProperty("score").GetDouble() - scores[0].Json[0].GetProperty("score").GetDouble();
        Assert.Equal(1 / (1 + Math.Exp(difference)), two.Json[1].GetProperty("classes")[0].GetProperty("probability").GetDouble(), tolerance: 1e-4);
    }

    [Theory]
    [InlineData("--labels must be two labels or more", "classify", "apple.png", "--labels", "cat")]
    [InlineData("--labels", "classify", "apple.png")]
    [InlineData("--template must be a text with {}", "classify", "apple.png", "--labels", "a,b", "--template", "a photo")]
    [InlineData("--top must be a whole number from 1 to 2147483647.", "rank", "a cat", "apple.png", "--top", "0")]
    [InlineData("score", "score", "a cat")]
    public async Task Usage_errors_name_the_option(string message, params string[] arguments)
    {
        var run = await Run(arguments);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains(message, run.Errors, StringComparison.Ordinal);
    }

    private Task<Tool> Run(params string[] arguments) => Tool.RunAsync(_folder.Path, arguments);
}
