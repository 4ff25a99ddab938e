using System.CommandLine;

namespace Dalle.ML.Cli;

/// <summary><c>dalle generate</c>: prompts become PNG files.</summary>
internal static class GenerateCommand
{
    private static readonly Argument<string[]> Prompts = new("prompt")
    {
        Description = "Prompts. '-', or no prompt, reads prompts from standard input, one per line.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private static readonly Option<string> PromptFile = new("--prompts") { HelpName = "file", Description = "File with one prompt per line; '-' for standard input." };

    private static readonly Option<int?> Best = new Option<int?>("--best") { HelpName = "n", Description = "Keep the n best candidates of each image, best first." }
        .MustBeNumber(1, GenerationOptions.MaxCandidates);

    private static readonly Option<bool> Expand = new("--expand") { Description = "First complete each prompt, as 'complete-text' does with the image's seed." };

    private static readonly Option<string> Progressive = new("--progressive") { HelpName = "folder", Description = "Folder for a preview of each image after every row of tokens." };

    public static Command Create()
    {
        var command = new ToolCommand("generate", "Generate images from prompts and print their paths.",
        [
            "dalle generate \"an apple on a blue background\" -n 4 --seed 7 -o apples",
            "dalle generate \"a cat\" \"a dog\" -n 3 --grid -o pets",
            "dalle generate \"a purple octopus\" --candidates 512 --best 4",
            "dalle generate owl --seed 7 --candidates 256 --first-candidate 256 --best 4",
            "dalle generate --prompts prompts.txt --json -o out > images.jsonl",
            "dalle generate \"a yellow star\" --progressive rows",
            "dalle generate clouds -n 4 --grid --seamless -o sky",
            "dalle generate \"a red heart\" -o - > heart.png",
            "dalle generate \"a red\" --expand -n 4 -m models/mine -o out",
        ])
        {
            Prompts, PromptFile, Expand, Best, SamplingArguments.FirstCandidate, Progressive, ImageGenerationRun.Options, SheetLayout.Seamless,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var prompts = await PromptInput.ReadAsync(parsed.Console(), parsed.GetValue(Prompts) ?? [], parsed.GetValue(PromptFile), cancellationToken);
        var (images, best) = (parsed.GetValue(SamplingArguments.Images), parsed.GetValue(Best));
        var options = SamplingArguments.Read(parsed) with { FirstCandidate = parsed.GetValue(SamplingArguments.FirstCandidate) };
        var isExpanded = parsed.GetValue(Expand);
        using var model = isExpanded ? ModelOptions.LoadForText(parsed) : ModelOptions.LoadForPrompts(parsed);
        options = SamplingArguments.Complete(options, model.Info);
        if (best > options.Candidates)
            throw new UsageException($"--best {best} needs at least {best} candidates; --candidates is {options.Candidates}.");
        PromptRemarks.OfEach(parsed, model, prompts);
        var seed = SamplingArguments.ReadSeed(parsed);
        var requests = prompts.SelectMany(prompt => GenerationRequest.Series(prompt, seed, images)).ToArray();
        var previews = parsed.GetPath(Progressive) is { } folder ? new Previews(model, folder) : null;
        var sheetColumns = prompts.Count > 1 && images > 1 ? images * (best ?? 1) : best;

        var candidates = new BestOfCandidates(model, options, best, cancellationToken);
        return await new ImageGenerationRun(requests.Length * (best ?? 1), sheetColumns, Model: model).RunAsync(parsed, Generate, candidates, cancellationToken);

        // A preview belongs to one request, so that these are generated one after another.
        IEnumerable<OutputImage> Generate(IProgress<GenerationProgress> progress)
        {
            if (isExpanded)
                requests = ExpandPrompts(parsed, model, requests, cancellationToken);
            return previews is null
                ? candidates.Generate(requests, progress)
                : requests.SelectMany((request, row) => candidates.Generate([request], new SubrangeProgress(progress, row, requests.Length, value => previews.Save(request, value))));
        }
    }

    /// <summary>The images take exactly the tokens that the model completed; CLIP and the files' names take their text.</summary>
    private static GenerationRequest[] ExpandPrompts(ParseResult parsed, DalleModel model, GenerationRequest[] requests, CancellationToken cancellationToken)
    {
        var beginnings = requests.Select(request => new TextCompletionRequest(request.Prompt, request.Seed)).ToArray();
        var texts = CompleteTextCommand.Complete(model, beginnings, options: null, progress: null, cancellationToken);
        return [.. requests.Zip(texts, (request, text) =>
        {
            if (!parsed.GetValue(Results.Quiet))
                Results.Remark(parsed, $"'{request.Prompt}' became '{CompleteTextCommand.Line(text.Text)}'.");
            return request with { Prompt = text.Text, PromptTokens = text.Tokens };
        })];
    }
}
