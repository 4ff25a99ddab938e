using System.CommandLine;
using System.Globalization;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary><c>dalle score</c> and <c>dalle rank</c>: how well images fit a prompt.</summary>
internal static class ScoreCommand
{
    private static readonly Argument<string> Prompt = new("prompt") { Description = "Text to compare the images with." };

    private static readonly string[] Unrelated = ["a dog", "a house", "a bicycle", "an apple", "the sea", "a clock"];

    private static readonly Option<int?> Top = new Option<int?>("--top") { HelpName = "n", Description = "Print only the n best." }
        .MustBeNumber(1, int.MaxValue);

    public static Command CreateScore()
    {
        var command = new ToolCommand("score", "Score how well images fit a prompt (higher is better).",
        [
            "dalle score \"a red apple\" apple.png pear.png",
            "dalle generate \"a cat\" --seed 1 -o - | dalle score \"a cat\" -",
        ])
        {
            Prompt, ImageInput.Several, TextScorer.By, ImageInput.MaxMegapixels, ModelOptions.All, Results.Json,
        };
        command.SetWork((parsed, cancellationToken) => Run(parsed, isRanked: false, cancellationToken));
        return command;
    }

    public static Command CreateRank()
    {
        var command = new ToolCommand("rank", "Rank images by how well they fit a prompt, best first.",
        [
            "dalle rank \"a red apple\" apples/*.png --top 3",
            "dalle rank \"a cat\" *.png --by likelihood --json",
        ])
        {
            Prompt, ImageInput.Several, TextScorer.By, Top, ImageInput.MaxMegapixels, ModelOptions.All, Results.Json,
        };
        command.SetWork((parsed, cancellationToken) => Run(parsed, isRanked: true, cancellationToken));
        return command;
    }

    private static int Run(ParseResult parsed, bool isRanked, CancellationToken cancellationToken)
    {
        using var model = ModelOptions.Load(parsed);
        var prompt = parsed.GetRequiredValue(Prompt);
        // What a score means depends on the CLIP: those of texts that do not belong to the images show what is poor.
        string[] others = parsed.GetValue(Results.Json) ? [] : [.. Unrelated.Where(text => !prompt.Contains(text.Split(' ')[^1], StringComparison.OrdinalIgnoreCase))];
        var scorer = new TextScorer(parsed, model, [prompt, .. others], cancellationToken);
        var scored = new List<ScoredFile>();
        var compared = new List<float>();
        var exitCode = ImageInput.ForEach(parsed, Score, cancellationToken);
        foreach (var file in (isRanked ? scored : []).OrderByDescending(file => file.Score).Take(parsed.GetValue(Top) ?? int.MaxValue))
            Write(file);
        if (compared.Count > 0)
        {
            Results.Remark(parsed, string.Create(CultureInfo.InvariantCulture,
                $"higher fits better, at most {(scorer.IsLikelihood ? 0 : model.Info.ClipScale):F1}. For comparison, the texts {string.Join(", ", others.Select(text => $"'{text}'"))} score {compared.Min():F1} to {compared.Max():F1} with {(scored.Count == 1 ? "this image" : "these images")}."));
        }
        return exitCode;

        void Score(string path, MLImage image)
        {
            var scores = scorer.Score(image);
            var file = new ScoredFile(path, scores[0]);
            compared.AddRange(scores[1..]);
            scored.Add(file);
            if (!isRanked)
                Write(file);
        }

        void Write(ScoredFile file) =>
            Results.Write(parsed, string.Create(CultureInfo.InvariantCulture, $"{file.Score:F4}\t{file.Path}"), new { Prompt = prompt, file.Score, File = file.Path });
    }

    private readonly record struct ScoredFile(string Path, float Score);
}
