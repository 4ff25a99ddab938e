using System.CommandLine;
using System.Globalization;

namespace Dalle.ML.Cli;

/// <summary><c>dalle inpaint</c>: paints a part of an image anew, by DALL·E 2.</summary>
internal static class InpaintCommand
{
    private static readonly Argument<string> Source = new("image") { Description = "Image file (JPEG, PNG, WebP, BMP, GIF); '-' for standard input." };

    private static readonly Argument<string> Prompt = new("prompt") { Description = "Description of the whole image." };

    private static readonly Option<string> Mask = new("--mask") { HelpName = "file", Description = "Image whose white or transparent part is painted anew.", Required = true };

    public static Command Create()
    {
        var command = new ToolCommand("inpaint", "Paint a part of an image anew, by a DALL·E 2 model.",
        [
            "dalle inpaint photo.png \"a red door\" --mask mask.png -m karlo -o out",
            "dalle inpaint room.png \"a cat on a chair\" --mask mask.png -m karlo -n 4",
        ])
        {
            Source, Prompt, Mask, ImageInput.MaxMegapixels, ImageGenerationRun.Options,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var (path, prompt) = (parsed.GetRequiredValue(Source), parsed.GetRequiredValue(Prompt));
        using var image = ImageInput.Load(parsed, path, cancellationToken);
        using var mask = ImageInput.Load(parsed, parsed.GetRequiredValue(Mask), cancellationToken);
        using var model = ModelOptions.LoadForImages(parsed);
        var options = SamplingArguments.Complete(SamplingArguments.Read(parsed), model.Info);
        PromptRemarks.OfEach(parsed, model, [prompt]);
        var first = model.InpaintingOf(prompt, image, mask, SamplingArguments.ReadSeed(parsed));
        GenerationRequest[] requests = [.. GenerationRequest.Series(prompt, first.Seed, parsed.GetValue(SamplingArguments.Images)).Select(request => first with { Seed = request.Seed })];
        return await new ImageGenerationRun(requests.Length, Name: (_, painted) => string.Create(CultureInfo.InvariantCulture, $"{FileNames.OfSource(path)}_inpainted_{painted.Seed}"))
            .RunAsync(parsed, Generate, candidates: null, cancellationToken);

        IEnumerable<OutputImage> Generate(IProgress<GenerationProgress> progress) =>
            model.GenerateBatch(requests, options, progress, cancellationToken).Select(painted => new OutputImage(painted));
    }
}
