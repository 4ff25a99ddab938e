using System.CommandLine;
using System.Globalization;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary><c>dalle classify</c>: zero-shot classification by CLIP (Radford et al. 2021), or by the transformer's likelihood of the image after each label.</summary>
internal static class ClassifyCommand
{
    private const string Placeholder = "{}";

    private static readonly Option<string> Labels = new Option<string>("--labels") { HelpName = "list", Description = "Labels to choose from, separated by commas.", Required = true }
        .MustBe(text => Split(text).Distinct().Count() >= 2, "two labels or more separated by commas, e.g. cat,dog");

    private static readonly Option<string> Template = new Option<string>("--template") { HelpName = "text", Description = $"Prompt for each label, with {Placeholder} in place of the label.", DefaultValueFactory = _ => Placeholder }
        .MustBe(text => text?.Contains(Placeholder, StringComparison.Ordinal) == true, $"a text with {Placeholder} for the label, e.g. \"a photo of {Placeholder}\"");

    private static readonly Option<string> By = TextScorer.NewOption("--by", "clip, or likelihood: log-probability by the transformer.", TextScorer.Clip, TextScorer.Likelihood);

    public static Command Create()
    {
        var command = new ToolCommand("classify", "Classify images by labels, with probabilities, most likely first.",
        [
            "dalle classify fruit.png --labels apple,banana,pear",
            "dalle classify *.png --labels cat,dog --template \"a photo of a {}\" --json",
        ])
        {
            ImageInput.Several, Labels, Template, By, ImageInput.MaxMegapixels, ModelOptions.All, Results.Json,
        };
        command.SetWork(Run);
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        string[] labels = [.. Split(parsed.GetRequiredValue(Labels)).Distinct()];
        var paths = parsed.GetRequiredValue(ImageInput.Several);
        using var model = ModelOptions.Load(parsed);
        // A template that is given takes the place of those that the model's CLIP may have.
        var score = TextScorer.Create(
            parsed.GetRequiredValue(By), model, labels.Select(label => parsed.GetRequiredValue(Template).Replace(Placeholder, label, StringComparison.Ordinal)),
            arePhrases: parsed.GetResult(Template) is { Implicit: false }, cancellationToken);
        return ImageInput.ForEach(parsed, Classify, cancellationToken);

        void Classify(string path, MLImage image)
        {
            var classes = labels.Zip(Softmax(score(image)), (label, probability) => new { Label = label, Probability = probability })
                .OrderByDescending(each => each.Probability).ToArray();
            var prefix = paths.Length > 1 ? path + "\t" : "";
            Results.Write(
                parsed,
                string.Join(Environment.NewLine, classes.Select(each => string.Create(CultureInfo.InvariantCulture, $"{prefix}{each.Label}\t{each.Probability:F4}"))),
                new { File = path, classes[0].Label, Classes = classes });
        }
    }

    private static string[] Split(string? labels) => (labels ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static double[] Softmax(float[] scores)
    {
        var weights = Array.ConvertAll(scores, score => Math.Exp((double)score - scores.Max()));
        return Array.ConvertAll(weights, weight => weight / weights.Sum());
    }
}
