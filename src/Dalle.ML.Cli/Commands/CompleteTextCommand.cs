using System.CommandLine;
using System.Globalization;

namespace Dalle.ML.Cli;

/// <summary><c>dalle complete-text</c>: the model's transformer goes on with the beginnings of texts.</summary>
internal static class CompleteTextCommand
{
    private static readonly Argument<string[]> Prompts = new("prompt")
    {
        Description = "Beginnings of texts. '-' reads them from standard input, one per line. Without one, a text from nothing.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private static readonly Option<int> Texts = new Option<int>("--texts", "-n") { HelpName = "n", Description = "Texts per prompt.", DefaultValueFactory = _ => 1 }
        .MustBeNumber(1, 100_000);

    public static Command Create()
    {
        var command = new ToolCommand("complete-text", "Complete texts as the captions that the model was trained on go on.",
        [
            "dalle complete-text \"a red\" -n 4 --seed 7 -m models/mine",
            "dalle complete-text \"two cats\" --temperature 0.7 --top-k 50 -m models/mine",
            "dalle complete-text \"a red\" -n 4 -m mine | dalle generate - -m mine",
        ])
        {
            Prompts, Texts, SamplingArguments.Seed, SamplingArguments.OfText, ModelOptions.All, Results.Json, Results.Quiet,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var given = parsed.GetValue(Prompts) ?? [];
        var prompts = given.Length == 0 ? [""] : await PromptInput.ReadAsync(parsed.Console(), given, file: null, cancellationToken);
        using var model = ModelOptions.LoadForText(parsed);
        if (model.Info.Device.GpuDeviceId is not null && !parsed.GetValue(Results.Quiet))
            Results.Remark(parsed, "text is completed on the CPU, whatever --device.");
        PromptRemarks.OfEach(parsed, model, prompts);
        var seed = SamplingArguments.ReadSeed(parsed);
        var requests = prompts.SelectMany(prompt => TextCompletionRequest.Series(prompt, seed, parsed.GetValue(Texts))).ToArray();
        await ProgressDisplay.RunAsync(parsed.Console(), !parsed.GetValue(Results.Quiet), betweenLines: null, display =>
        {
            foreach (var text in Complete(model, requests, SamplingArguments.ReadOfText(parsed), new Reporter(display, requests.Length), cancellationToken))
            {
                if (text.NewTokens == 0 && !parsed.GetValue(Results.Quiet))
                    Results.Remark(parsed, Unchanged(model, text));
                Results.Write(parsed, Line(text.Text), new
                {
                    text.Prompt,
                    text.Seed,
                    text.Text,
                    text.NewTokens,
                    CutTokens = text.CutTokens > 0 ? text.CutTokens : default(int?),
                });
            }
        });
        return CommandLine.Success;
    }

    /// <summary>Completes texts, each result as soon as it is finished.</summary>
    /// <exception cref="UsageException">A text is empty, and the model needs a beginning.</exception>
    public static IEnumerable<CompletedText> Complete(
        DalleModel model, IReadOnlyList<TextCompletionRequest> requests, SamplingOptions? options, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        using var texts = model.CompleteTexts(requests, options, progress, cancellationToken).GetEnumerator();
        while (MoveNext())
            yield return texts.Current;

        bool MoveNext()
        {
            try
            {
                return texts.MoveNext();
            }
            catch (ArgumentException exception)
            {
                throw new UsageException(exception.Message);
            }
        }
    }

    private static string Unchanged(DalleModel model, CompletedText text) => model.CountTokens(text.Prompt) >= model.Info.TextLength
        ? string.Create(CultureInfo.InvariantCulture, $"nothing was added to '{text.Prompt}': it fills the {model.Info.TextLength} text tokens of the model. Shorten it.")
        : string.Create(CultureInfo.InvariantCulture, $"nothing was added to '{text.Prompt}' with the seed {text.Seed}: the model ended it there. Try others with -n.");

    /// <summary>One line, whatever the model sampled: a control character would end it, or move a terminal's cursor.</summary>
    public static string Line(string text) => string.Concat(text.Select(character => char.IsControl(character) || character is '\u2028' or '\u2029' ? '\uFFFD' : character));

    /// <summary>Reports at once, as that of images does.</summary>
    private sealed class Reporter(ProgressDisplay display, int texts) : IProgress<double>
    {
        public void Report(double value) => display.Report(value, string.Create(CultureInfo.InvariantCulture, $"{texts} {(texts == 1 ? "text" : "texts")}"));
    }
}
