using System.CommandLine;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary><c>dalle complete</c>: keeps a region of an image and generates the rest.</summary>
internal static class CompleteCommand
{
    private static readonly Argument<string> Source = new("image") { Description = "Image file (JPEG, PNG, WebP, BMP, GIF); '-' for standard input." };

    private static readonly Argument<string> Prompt = new("prompt") { Description = "Description of the whole image." };

    private static readonly Option<string> Keep = new Option<string>("--keep") { HelpName = "region", Description = "Region to keep, in tokens: top:R, rect:WxH, or up:R,left:C,right:C,down:R.", Required = true }
        .MustParse(KeepRegion.Parse, "top:R, rect:WxH, or up:R,left:C,right:C,down:R, in tokens");

    public static Command Create()
    {
        var command = new ToolCommand("complete", "Keep a region of an image and generate the rest.",
        [
            "dalle complete apple.png \"a green apple\" --keep top:4 -o out",
            "dalle complete photo.png \"a cat in the snow\" --keep up:1,left:1 -n 4 --grid",
            "dalle complete - \"a dog\" --keep rect:8x4 -o - < cat.png > dog.png",
        ])
        {
            Source, Prompt, Keep, SamplingArguments.FirstCandidate, ImageInput.MaxMegapixels, ImageGenerationRun.Options, SheetLayout.Seamless,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var prompt = parsed.GetRequiredValue(Prompt);
        using var image = ImageInput.Load(parsed, parsed.GetRequiredValue(Source), cancellationToken);
        using var model = ModelOptions.Load(parsed);
        var options = SamplingArguments.Complete(SamplingArguments.Read(parsed), model.Info) with { FirstCandidate = parsed.GetValue(SamplingArguments.FirstCandidate) };
        var known = EncodeKnownTokens(parsed, model, image);
        PromptRemarks.OfEach(parsed, model, [prompt]);
        var requests = GenerationRequest.Series(prompt, SamplingArguments.ReadSeed(parsed), parsed.GetValue(SamplingArguments.Images)).Select(request => request with { KnownTokens = known }).ToArray();
        var candidates = new BestOfCandidates(model, options, best: null, cancellationToken);
        return await new ImageGenerationRun(requests.Length, Model: model).RunAsync(parsed, progress => candidates.Generate(requests, progress), candidates, cancellationToken);
    }

    private static int[] EncodeKnownTokens(ParseResult parsed, DalleModel model, MLImage image)
    {
        try
        {
            return model.EncodeKnownTokens(image, KeepRegion.Parse(parsed.GetRequiredValue(Keep)));
        }
        catch (ArgumentOutOfRangeException exception)
        {
            // The second line of the message repeats the value.
            throw new UsageException($"--keep {parsed.GetValue(Keep)}: {exception.Message.Split('\n')[0].Trim()}");
        }
    }
}
