using System.CommandLine;
using System.Globalization;

namespace Dalle.ML.Cli;

/// <summary><c>dalle interpolate</c>: images on the way from one image or prompt to another, by DALL·E 2.</summary>
internal static class InterpolateCommand
{
    private static readonly Argument<string> From = new("from") { Description = "Image file, or a prompt." };

    private static readonly Argument<string> To = new("to") { Description = "Image file, or a prompt; of the same kind as the first." };

    private static readonly Option<int> Frames = new Option<int>("--frames") { HelpName = "n", Description = "Images on the way, with both ends.", DefaultValueFactory = _ => 8 }
        .MustBeNumber(2, 1000);

    // A prompt does not end so: it is a file that is not there.
    private static readonly string[] ImageExtensions = [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"];

    public static Command Create()
    {
        var command = new ToolCommand("interpolate", "Generate images on the way from one image or prompt to another, by DALL·E 2.",
        [
            "dalle interpolate summer.png winter.png --frames 8 -m karlo -o strip",
            "dalle interpolate \"a cat\" \"a dog\" --frames 5 -m karlo --grid -o strip",
        ])
        {
            From, To, Frames, ImageInput.MaxMegapixels, ModelOptions.All, SamplingArguments.Seed, SamplingArguments.Sampling, SheetLayout.Options, Enlargement.Options,
            ImageOutput.Target, Results.Json, Results.Quiet,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var (from, to, frames) = (parsed.GetRequiredValue(From), parsed.GetRequiredValue(To), parsed.GetValue(Frames));
        var areImages = IsFile(from);
        if (areImages != IsFile(to))
            throw new UsageException($"'{(areImages ? from : to)}' is a file and '{(areImages ? to : from)}' is none. Give two image files, or two prompts.");
        using var model = ModelOptions.LoadForImages(parsed, needsImages: areImages);
        var options = SamplingArguments.Complete(SamplingArguments.Read(parsed), model.Info, runsPrior: !areImages);
        var seed = SamplingArguments.ReadSeed(parsed);
        return await new ImageGenerationRun(frames, SheetColumns: frames, Name: (number, _) => string.Create(CultureInfo.InvariantCulture, $"frame_{number + 1:D3}_{seed}"))
            .RunAsync(parsed, Generate, candidates: null, cancellationToken);

        bool IsFile(string text) => File.Exists(parsed.Console().FullPath(text))
            || (ImageExtensions.Contains(Path.GetExtension(text).ToLowerInvariant()) ? throw new FileNotFoundException($"The image file '{text}' does not exist.", text) : false);

        IEnumerable<OutputImage> Generate(IProgress<GenerationProgress> progress)
        {
            if (!areImages)
                return model.InterpolatePrompts(from, to, frames, seed, options, progress, cancellationToken).Select(frame => new OutputImage(frame));
            using var first = ImageInput.Load(parsed, from, cancellationToken);
            using var last = ImageInput.Load(parsed, to, cancellationToken);
            // Both are embedded before this returns.
            return model.Interpolate(first, last, frames, seed, options, progress, cancellationToken).Select(frame => new OutputImage(frame));
        }
    }
}
