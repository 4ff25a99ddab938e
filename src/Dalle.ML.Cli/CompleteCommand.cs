using System.CommandLine;
using Dalle.ML.Generation;

namespace Dalle.ML.Cli;

/// <summary><c>dalle complete</c>: a part of an image is kept and the rest drawn.</summary>
internal static class CompleteCommand
{
    private static readonly Argument<string> Source = new("image") { Description = "The image file (JPEG, PNG, WebP, BMP, GIF); '-' reads it from standard input." };

    private static readonly Argument<string> Prompt = new("prompt") { Description = "What the whole image shows." };

    private static readonly Option<string> Keep = new Option<string>("--keep") { Description = "What is kept, in tokens: top:R, rect:WxH, or up:R,left:C,right:C,down:R.", Required = true }
        .MustParse(KeepRegion.Parse, "top:R, rect:WxH, or up:R,left:C,right:C,down:R, in tokens");

    public static Command Create()
    {
        var command = new ToolCommand("complete", "Keep a part of an image and draw the rest: image completion and image-to-image.",
        [
            "dalle complete apple.png \"a red apple on a green background\" --keep top:4 -o out",
            "dalle complete photo.png \"a cat in the snow\" --keep up:1,left:1 -n 4 --grid",
            "dalle complete - \"a dog\" --keep rect:8x4 -o - < cat.png > dog.png",
        ])
        {
            Source, Prompt, Keep, ImageInput.MaxMegapixels, Drawing.Options,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        var (prompt, keep) = (parsed.GetRequiredValue(Prompt), KeepRegion.Parse(parsed.GetRequiredValue(Keep)));
        var (seed, options) = (DrawingOptions.ReadSeed(parsed), DrawingOptions.Read(parsed));
        var requests = GenerationRequest.Series(prompt, seed, parsed.GetValue(DrawingOptions.Images)).ToArray();
        using var image = ImageInput.Load(parsed, parsed.GetRequiredValue(Source), cancellation);
        using var model = ModelOptions.Load(parsed);
        try
        {
            return await new Drawing(requests.Length).RunAsync(parsed, Draw, cancellation);
        }
        catch (ArgumentOutOfRangeException exception)
        {
            // The region is all of the library's call that is not checked before; its second line repeats the value.
            throw new UsageException($"--keep {parsed.GetValue(Keep)}: {exception.Message.Split('\n')[0].Trim()}");
        }

        IEnumerable<DrawnImage> Draw(IProgress<DalleProgress>? progress) => requests.Select((request, row) => new DrawnImage(
            model.Complete(prompt, image, keep, request.Seed, options, new RequestProgress(progress, row, requests.Length), cancellation)));
    }
}
