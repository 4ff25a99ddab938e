using System.CommandLine;
using Dalle.ML.Generation;

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

    private static readonly Option<DirectoryInfo> Progressive = new("--progressive") { Description = "Folder for a PNG of each image after every row of tokens, from its first candidate." };

    public static Command Create()
    {
        var command = new ToolCommand("generate", "Draw prompts. The paths of the images go to standard output.",
        [
            "dalle generate \"a red apple on a blue background\" -n 4 --seed 7 -o apples",
            "dalle generate \"a cat\" \"a dog\" -n 3 --grid -o pets",
            "dalle generate \"a purple octopus\" --candidates 32 --best 4",
            "dalle generate --prompts prompts.txt --json -o out > images.jsonl",
            "dalle generate \"a yellow star\" --progressive rows",
            "dalle generate \"a red heart\" -o - > heart.png",
        ])
        {
            Prompts, PromptFile, Best, Progressive, Drawing.Options,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        var prompts = await PromptInput.ReadAsync(parsed.GetValue(Prompts) ?? [], parsed.GetValue(PromptFile), cancellation);
        var (seed, options, images, best) = (DrawingOptions.ReadSeed(parsed), DrawingOptions.Read(parsed), parsed.GetValue(DrawingOptions.Images), parsed.GetValue(Best));
        var requests = prompts.SelectMany(prompt => GenerationRequest.Series(prompt, seed, images)).ToArray();

        using var model = ModelOptions.Load(parsed);
        if (best > (options.Candidates ?? model.Info.Defaults.Candidates))
            throw new UsageException($"--best {best} needs as many candidates; --candidates is {options.Candidates ?? model.Info.Defaults.Candidates}.");
        var previews = parsed.GetValue(Progressive) is { } folder ? new Previews(model, folder.FullName) : null;
        var sheetColumns = prompts.Count > 1 && images > 1 ? images * (best ?? 1) : best;

        return await new Drawing(requests.Length * (best ?? 1), sheetColumns).RunAsync(parsed, Draw, cancellation);

        IEnumerable<DrawnImage> Draw(IProgress<DalleProgress>? progress) => best is null && previews is null
            ? model.Generate(requests, options, progress, cancellation).Select(image => new DrawnImage(image))
            : requests.SelectMany((request, row) => DrawAlone(request, new RequestProgress(
                progress, row, requests.Length, previews is null ? null : value => previews.Save(request, value))));

        IEnumerable<DrawnImage> DrawAlone(GenerationRequest request, RequestProgress progress)
        {
            if (best is null)
                return model.Generate([request], options, progress, cancellation).Select(image => new DrawnImage(image));
            var ranked = model.GenerateCandidates(request, options, progress, cancellation);
            foreach (var rejected in ranked.Skip(best.Value))
                rejected.Dispose();
            return ranked.Take(best.Value).Select((image, index) => new DrawnImage(image, index + 1));
        }
    }
}
