using System.CommandLine;
using System.Globalization;

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
        .MustBe(count => count is null or >= 1, "1 or more");

    private static readonly Option<int> FirstCandidate = new Option<int>("--first-candidate") { HelpName = "n", Description = "Index of the first candidate, from 0: splits the candidates over several runs." }
        .MustBe(number => number >= 0 && number <= int.MaxValue - GenerationOptions.MaxCandidates, "0 or more");

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
            "dalle generate \"a red heart\" -o - > heart.png",
        ])
        {
            Prompts, PromptFile, Best, FirstCandidate, Progressive, ImageGenerationRun.Options,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var prompts = await PromptInput.ReadAsync(parsed.Console(), parsed.GetValue(Prompts) ?? [], parsed.GetValue(PromptFile), cancellationToken);
        var (seed, images, best) = (SamplingArguments.ReadSeed(parsed), parsed.GetValue(SamplingArguments.Images), parsed.GetValue(Best));
        var options = SamplingArguments.Read(parsed) with { FirstCandidate = parsed.GetValue(FirstCandidate) };
        var requests = prompts.SelectMany(prompt => GenerationRequest.Series(prompt, seed, images)).ToArray();

        using var model = ModelOptions.Load(parsed);
        options = options with { Candidates = options.Candidates ?? model.Info.Defaults.Candidates };
        if (best > options.Candidates)
            throw new UsageException($"--best {best} needs at least {best} candidates; --candidates is {options.Candidates}.");
        var previews = parsed.GetPath(Progressive) is { } folder ? new Previews(model, folder) : null;
        var sheetColumns = prompts.Count > 1 && images > 1 ? images * (best ?? 1) : best;

        var howToGoOn = default(string);
        var exitCode = await new ImageGenerationRun(requests.Length * (best ?? 1), sheetColumns).RunAsync(parsed, Generate, cancellationToken);
        if (howToGoOn is not null)
            Results.Remark(parsed, howToGoOn);
        return exitCode;

        IEnumerable<OutputImage> Generate(IProgress<GenerationProgress> progress) => best is null && previews is null
            ? model.GenerateBatch(requests, options, progress, cancellationToken).Select(image => new OutputImage(image))
            : requests.SelectMany((request, row) => GenerateAlone(request, new SubrangeProgress(
                progress, row, requests.Length, previews is null ? null : value => previews.Save(request, value))));

        IEnumerable<OutputImage> GenerateAlone(GenerationRequest request, SubrangeProgress progress) => best is null
            ? model.GenerateBatch([request], options, progress, cancellationToken).Select(image => new OutputImage(image))
            : GenerateBest(request, progress);

        // An interrupted request keeps the best candidates found so far.
        IEnumerable<OutputImage> GenerateBest(GenerationRequest request, SubrangeProgress progress)
        {
            using var found = new BestImages(best.Value);
            var next = options.FirstCandidate;
            try
            {
                foreach (var candidate in model.GenerateCandidates(request, options, progress, cancellationToken))
                {
                    found.Add(candidate);
                    next = candidate.Candidate + 1;
                }
            }
            catch (OperationCanceledException) when (next > options.FirstCandidate)
            {
                var end = options.FirstCandidate + options.Candidates!.Value;
                howToGoOn = string.Create(CultureInfo.InvariantCulture,
                    $"of '{request.Prompt}' these are the best of candidates {options.FirstCandidate} to {next - 1}; --seed {request.Seed} --first-candidate {next} --candidates {end - next} generates the rest.");
            }
            foreach (var (index, image) in found.TakeAll().Index())
                yield return new OutputImage(image, Rank: index + 1);
            if (howToGoOn is not null)
                cancellationToken.ThrowIfCancellationRequested();
        }
    }
}
