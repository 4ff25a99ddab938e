using System.CommandLine;
using System.Globalization;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary><c>dalle score</c> and <c>dalle rank</c>: how well images fit a prompt.</summary>
internal static class ScoreCommand
{
    private static readonly Argument<string> Prompt = new("prompt") { Description = "Text to compare the images with." };

    private static readonly Option<int?> Top = new Option<int?>("--top") { HelpName = "n", Description = "Print only the n best." }
        .MustBeNumber(1, int.MaxValue);

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
        command.SetWork((parsed, cancellationToken) => Run(parsed, isRanked: false, cancellationToken));
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
        command.SetWork((parsed, cancellationToken) => Run(parsed, isRanked: true, cancellationToken));
        return command;
    }

    private static int Run(ParseResult parsed, bool isRanked, CancellationToken cancellationToken)
    {
        using var model = ModelOptions.Load(parsed);
        var prompt = parsed.GetRequiredValue(Prompt);
        var scorer = new ClipScorer(model, [prompt]);
        var scored = new List<ScoredFile>();
        var exitCode = ImageInput.ForEach(parsed, Score, cancellationToken);
        foreach (var file in scored.OrderByDescending(file => file.Score).Take(parsed.GetValue(Top) ?? int.MaxValue))
            Write(file);
        return exitCode;

        void Score(string path, MLImage image)
        {
            var file = new ScoredFile(path, scorer.Score(image).Single());
            if (isRanked)
                scored.Add(file);
            else
                Write(file);
        }

        void Write(ScoredFile file) =>
            Results.Write(parsed, string.Create(CultureInfo.InvariantCulture, $"{file.Score:F4}\t{file.Path}"), new { Prompt = prompt, file.Score, File = file.Path });
    }

    private readonly record struct ScoredFile(string Path, float Score);
}
