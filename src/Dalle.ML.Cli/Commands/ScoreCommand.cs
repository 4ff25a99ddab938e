using System.CommandLine;
using System.Globalization;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary><c>dalle score</c> and <c>dalle rank</c>: how well images fit a prompt.</summary>
internal static class ScoreCommand
{
    private static readonly Argument<string> Prompt = new("prompt") { Description = "Text to compare the images with." };

    private static readonly string[] Unrelated = ["a dog", "a house", "a bicycle", "an apple", "the sea", "a clock"];

    private static readonly Option<string> By = TextScorer.NewOption(
        "--by", "clip, or by the transformer: likelihood, a log-probability, or perplexity, of which less is better.", TextScorer.Clip, TextScorer.Likelihood, TextScorer.Perplexity);

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
            Prompt, ImageInput.Several, By, ImageInput.MaxMegapixels, ModelOptions.All, Results.Json,
        };
        command.SetWork((parsed, cancellationToken) => Run(parsed, rankBy: null, cancellationToken));
        return command;
    }

    public static Command CreateRank()
    {
        var command = new ToolCommand("rank", "Rank images by how well they fit a prompt, best first.",
        [
            "dalle rank \"a red apple\" apples/*.png --top 3",
            "dalle rank \"a cat\" *.png --rank-by perplexity --json",
        ])
        {
            Prompt, ImageInput.Several, SamplingArguments.Ranking, Top, ImageInput.MaxMegapixels, ModelOptions.All, Results.Json,
        };
        command.SetWork((parsed, cancellationToken) => Run(parsed, SamplingArguments.RankByOf(parsed), cancellationToken));
        return command;
    }

    /// <param name="parsed">The command line.</param>
    /// <param name="rankBy">What the images are ordered by; null to score them in the order given.</param>
    /// <param name="cancellationToken">Interrupts.</param>
    private static int Run(ParseResult parsed, RankBy? rankBy, CancellationToken cancellationToken)
    {
        using var model = ModelOptions.Load(parsed);
        var prompt = parsed.GetRequiredValue(Prompt);
        // What a score means depends on the model: those of texts that do not belong to the images show what is poor.
        string[] others = parsed.GetValue(Results.Json) ? [] : [.. Unrelated.Where(text => !prompt.Contains(text.Split(' ')[^1], StringComparison.OrdinalIgnoreCase))];
        string[] judges = rankBy switch
        {
            null => [parsed.GetRequiredValue(By)],
            RankBy.Clip => [TextScorer.Clip],
            RankBy.Perplexity => [TextScorer.Perplexity],
            _ => [TextScorer.Clip, TextScorer.Perplexity],
        };
        var scorers = Array.ConvertAll(judges, judge => TextScorer.Create(judge, model, [prompt, .. others], arePhrases: false, cancellationToken));
        var scored = new List<ScoredFile>();
        var compared = new List<float>();
        var exitCode = ImageInput.ForEach(parsed, Score, cancellationToken);
        if (rankBy is { } by)
        {
            foreach (var file in new CandidateOrder(by).Sort(scored, file => (file.Score, file.Perplexity)).Take(parsed.GetValue(Top) ?? int.MaxValue))
                Write(file);
        }
        if (compared.Count > 0)
        {
            var meaning = judges[0] switch
            {
                TextScorer.Clip => string.Create(CultureInfo.InvariantCulture, $"higher fits better, at most {model.Info.ClipScale:F1}"),
                TextScorer.Likelihood => "higher fits better, at most 0.0",
                _ => "lower fits better, at least 1.0",
            };
            Results.Remark(parsed, string.Create(CultureInfo.InvariantCulture,
                $"{meaning}. For comparison, the texts {string.Join(", ", others.Select(text => $"'{text}'"))} score {compared.Min():F1} to {compared.Max():F1} with {(scored.Count == 1 ? "this image" : "these images")}."));
        }
        return exitCode;

        void Score(string path, MLImage image)
        {
            var file = new ScoredFile(path, float.NaN, float.NaN);
            foreach (var (judge, scorer) in judges.Zip(scorers))
            {
                var scores = scorer(image);
                file = judge == TextScorer.Perplexity ? file with { Perplexity = scores[0] } : file with { Score = scores[0] };
                if (judge == judges[0])
                    compared.AddRange(scores[1..]);
            }
            scored.Add(file);
            if (rankBy is null)
                Write(file);
        }

        void Write(ScoredFile file)
        {
            var numbers = new[] { file.Score, file.Perplexity }.Where(float.IsFinite).Select(value => value.ToString("F4", CultureInfo.InvariantCulture));
            Results.Write(
                parsed, string.Join('\t', numbers.Append(file.Path)),
                new { Prompt = prompt, Score = Results.Finite(file.Score), Perplexity = Results.Finite(file.Perplexity), File = file.Path });
        }
    }

    /// <param name="Path">The image.</param>
    /// <param name="Score">By CLIP or likelihood; not-a-number if neither is wanted.</param>
    /// <param name="Perplexity">Not-a-number if it is not wanted.</param>
    private readonly record struct ScoredFile(string Path, float Score, float Perplexity);
}
