using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Dalle.ML.Cli;

/// <summary><c>dalle evaluate</c>: measures generated images as the papers do.</summary>
internal static class EvaluateCommand
{
    private const double MostBlur = 100;
    private const int MostRadii = 100;

    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(10);

    private static readonly Argument<string> Generated = new("generated")
    {
        Description = "Folder of generated images, or a list of them: what 'generate --json' printed, the folder of a batch, or a .csv with 'file' and 'prompt'.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Argument<string> Reference = new("reference")
    {
        Description = "Folder or list of the images that they are compared with.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<string> Features = new("--features") { HelpName = "model", Description = "Folder or name of the model whose features are compared, such as 'dalle export inception' makes [default: --model, or else its CLIP]." };
    private static readonly Option<string> Blur = new Option<string>("--blur") { HelpName = "radii", Description = "Radii of the blur of both sets in pixels, a range such as 0:8 or a list such as 0,1,2,4.", DefaultValueFactory = _ => "0" }
        .MustBe(text => Radii(text) is not null, string.Create(CultureInfo.InvariantCulture, $"a range such as 0:8 or a list such as 0,1,2,4, at most {MostRadii} radii from 0 to {MostBlur}"));
    private static readonly Option<string> BestOf = new Option<string>("--best-of") { HelpName = "counts", Description = "Take the best of the first N candidates of each prompt, for each N of a list such as 1,2,4,8." }
        .MustBe(text => text is null || Counts(text) is not null, string.Create(CultureInfo.InvariantCulture, $"a list such as 1,2,4,8, of numbers from 1 to {GenerationOptions.MaxCandidates}"));
    private static readonly Option<int> Splits = new Option<int>("--splits") { HelpName = "n", Description = "Parts of the Inception Score.", DefaultValueFactory = _ => 10 }
        .MustBeNumber(1, 1000);
    private static readonly Option<bool> Pairs = new("--pairs") { Description = "Also compare images of the same name, by PSNR and SSIM." };
    private static readonly Option<string> Loss = new("--loss") { HelpName = "captions", Description = "Token losses of --model on captioned images: a list with 'file' and 'prompt'." };
    private static readonly Option<string> Output = new("--output", "-o") { HelpName = "folder", Description = "Folder of evaluation.jsonl and plots (SVG); created if missing." };

    public static Command Create()
    {
        var command = new ToolCommand("evaluate", "Measure generated images: FID, Inception Score, KID, precision, recall, CLIP score.",
        [
            "dalle evaluate generated reference --features inception",
            "dalle evaluate generated reference --features inception --blur 0:8 -o out",
            "dalle evaluate images.jsonl reference --features inception --best-of 1,2,4",
            "dalle evaluate reconstructed photos --pairs --json",
            "dalle evaluate --loss captions.csv -m models/mine",
        ])
        {
            Generated, Reference, Features, Blur, BestOf, Splits, Pairs, Loss, ImageInput.MaxMegapixels, ModelOptions.All, Output, Results.Json, Results.Quiet,
        };
        command.Validators.Add(CheckMode);
        command.SetAction(RunAsync);
        return command;
    }

    private static void CheckMode(CommandResult result)
    {
        if (result.GetValue(Generated) is null && result.GetValue(Loss) is null)
            result.AddError("evaluate needs generated images and the images to compare them with: dalle evaluate generated reference.");
        else if (result.GetValue(Generated) is not null && result.GetValue(Reference) is null)
            result.AddError("the images to compare with are missing: dalle evaluate generated reference.");
        else if (result.GetValue(Generated) is null && new Option[] { Features, Blur, BestOf, Splits, Pairs, Output }.FirstOrDefault(option => result.GetResult(option) is { Implicit: false }) is { } option)
            result.AddError($"{option.Name} is for generated and reference images, and --loss alone has none. Leave it out, or name them.");
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var isClean = true;
        await ProgressDisplay.RunAsync(parsed.Console(), !parsed.GetValue(Results.Quiet), BetweenLines, display =>
        {
            var reader = new ImageSetReader(parsed, display, cancellationToken);
            if (parsed.GetValue(Loss) is { } captions)
            {
                using var model = ModelOptions.Load(parsed);
                new TokenLoss(parsed, model, display, cancellationToken).Run(captions, reader.Read(captions));
            }
            if (parsed.GetValue(Generated) is { } generated)
            {
                var run = new EvaluationRun(parsed, display, cancellationToken)
                {
                    Radii = Radii(parsed.GetValue(Blur))!,
                    Counts = Counts(parsed.GetValue(BestOf)),
                    Splits = parsed.GetValue(Splits),
                    FeatureModel = parsed.GetModelPath(Features),
                    Output = parsed.GetPath(Output),
                };
                run.Run(reader.Read(generated), reader.Read(parsed.GetRequiredValue(Reference)), parsed.GetValue(Pairs));
            }
            isClean = reader.Unreadable == 0;
        });
        return isClean ? CommandLine.Success : CommandLine.Failure;
    }

    /// <summary>The radii of a range or list, ascending as given; null if it is neither.</summary>
    private static double[]? Radii(string? text)
    {
        var isRange = text?.Contains(':', StringComparison.Ordinal) == true;
        var numbers = (text ?? "").Split(isRange ? ':' : ',')
            .Select(part => double.TryParse(part, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) ? value : double.NaN).ToArray();
        if (numbers.Any(value => !(value is >= 0 and <= MostBlur)))
            return null;
        if (isRange)
            numbers = numbers is [var first, var last] && last >= first && last - first < MostRadii ? [.. Enumerable.Range(0, (int)(last - first) + 1).Select(step => first + step)] : [];
        return numbers.Length is > 0 and <= MostRadii && numbers.Distinct().Count() == numbers.Length ? numbers : null;
    }

    /// <summary>The numbers of a list, ascending; null if it is none.</summary>
    private static int[]? Counts(string? text)
    {
        var numbers = (text ?? "").Split(',').Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : 0).Order().ToArray();
        return numbers.All(value => value is >= 1 and <= GenerationOptions.MaxCandidates) && numbers.Distinct().Count() == numbers.Length ? numbers : null;
    }
}
