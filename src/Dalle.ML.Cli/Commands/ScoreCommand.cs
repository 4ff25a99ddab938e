using System.CommandLine;
using System.Globalization;

namespace Dalle.ML.Cli;

/// <summary><c>dalle score</c> and <c>dalle rank</c>: how well images fit a prompt.</summary>
internal static class ScoreCommand
{
    private static readonly Argument<string> Prompt = new("prompt") { Description = "Text to compare the images with." };

    private static readonly Option<int?> Top = new Option<int?>("--top") { HelpName = "n", Description = "Print only the n best." }
        .MustBe(count => count is null or >= 1, "1 or more");

    public static Command CreateScore()
    {
        var command = new ToolCommand("score", "Score how well images fit a prompt, by CLIP (higher is better).",
        [
            "dalle score \"a red apple\" apple.png pear.png",
            "dalle generate \"a cat\" --seed 1 -o - | dalle score \"a cat\" -",
        ])
        {
            Prompt, ImageInput.Several, ImageInput.MaxMegapixels, ModelOptions.All, Results.Json,
        };
        command.SetWork((parsed, cancellationToken) => Run(parsed, images => images, cancellationToken));
        return command;
    }

    public static Command CreateRank()
    {
        var command = new ToolCommand("rank", "Rank images by how well they fit a prompt, best first.",
        [
            "dalle rank \"a red apple\" apples/*.png --top 3",
            "dalle rank \"a cat\" *.png --json",
        ])
        {
            Prompt, ImageInput.Several, Top, ImageInput.MaxMegapixels, ModelOptions.All, Results.Json,
        };
        command.SetWork((parsed, cancellationToken) =>
            Run(parsed, images => images.OrderByDescending(image => image.Score).Take(parsed.GetValue(Top) ?? int.MaxValue), cancellationToken));
        return command;
    }

    private static int Run(ParseResult parsed, Func<IEnumerable<ScoredFile>, IEnumerable<ScoredFile>> order, CancellationToken cancellationToken)
    {
        using var model = ModelOptions.Load(parsed);
        var prompt = parsed.GetRequiredValue(Prompt);
        var scorer = new ClipScorer(model, [prompt]);
        var scored = parsed.GetRequiredValue(ImageInput.Several).Select(path =>
        {
            using var image = ImageInput.Load(parsed, path, cancellationToken);
            return new ScoredFile(path, scorer.Score(image).Single());
        });
        foreach (var (path, score) in order(scored))
            Results.Write(parsed, string.Create(CultureInfo.InvariantCulture, $"{score:F4}\t{path}"), new { Prompt = prompt, Score = score, File = path });
        return CommandLine.Success;
    }

    private readonly record struct ScoredFile(string Path, float Score);
}
