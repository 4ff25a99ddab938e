using System.CommandLine;
using System.Globalization;

namespace Dalle.ML.Cli;

/// <summary><c>dalle generate</c>: prompts become PNG files.</summary>
internal static class GenerateCommand
{
    private static readonly Argument<string[]> Prompts = new("prompt")
    {
        Description = "What to draw; several prompts are drawn in turn. With none, or '-', prompts are read from standard input, one a line.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private static readonly Option<string> PromptFile = new("--prompts") { Description = "A file with a prompt a line; '-' for standard input." };

    private static readonly Option<int?> Best = new Option<int?>("--best") { Description = "Write the best so many candidates of each image, best first, in place of the best one." }
        .MustBe(count => count is null or >= 1, "1 or more");

    private static readonly Option<int> FirstCandidate = new Option<int>("--first-candidate") { Description = "Number of the first candidate, to draw many in several runs: after 256 candidates, the next has the number 256." }
        .MustBe(number => number >= 0 && number <= int.MaxValue - GenerationOptions.MaxCandidates, "0 or more");

    private static readonly Option<string> Progressive = new("--progressive") { Description = "Folder for a PNG of each image after every row of tokens, from its first candidate." };

    public static Command Create()
    {
        var command = new ToolCommand("generate", "Draw prompts. The paths of the images go to standard output.",
        [
            "dalle generate \"an apple on a blue background\" -n 4 --seed 7 -o apples",
            "dalle generate \"a cat\" \"a dog\" -n 3 --grid -o pets",
            "dalle generate \"a purple octopus\" --candidates 512 --best 4",
            "dalle generate \"a purple octopus\" --seed 7 --candidates 256 --first-candidate 256 --best 4 --json",
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
            throw new UsageException($"--best {best} needs as many candidates; --candidates is {options.Candidates}.");
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

        // Of an interrupted request the best are kept that were found until then.
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
                    $"of '{request.Prompt}' they are the best of candidates {options.FirstCandidate} to {next - 1}; --seed {request.Seed} --first-candidate {next} --candidates {end - next} draws the others.");
            }
            foreach (var (index, image) in found.TakeAll().Index())
                yield return new OutputImage(image, Rank: index + 1);
            if (howToGoOn is not null)
                cancellationToken.ThrowIfCancellationRequested();
        }
    }
}
