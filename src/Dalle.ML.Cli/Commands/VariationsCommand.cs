using System.CommandLine;
using System.Globalization;

namespace Dalle.ML.Cli;

/// <summary><c>dalle variations</c>: images that mean the same as an image, by DALL·E 2.</summary>
internal static class VariationsCommand
{
    private static readonly Argument<string> Source = new("image") { Description = "Image file (JPEG, PNG, WebP, BMP, GIF); '-' for standard input." };

    private static readonly Option<float?> Strength = new Option<float?>("--strength") { HelpName = "s", Description = "0 keeps the image's layout, up to 1 keep less of it [default: its meaning alone]." }
        .MustBeNumber(0, 1, "a number from 0 to 1");

    public static Command Create()
    {
        var command = new ToolCommand("variations", "Generate variations of an image, by a DALL·E 2 model.",
        [
            "dalle variations photo.png -m karlo -n 4 --grid -o out",
            "dalle variations photo.png -m karlo --strength 0.3 --seed 7",
        ])
        {
            Source, Strength, ImageInput.MaxMegapixels, ImageGenerationRun.Options,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var path = parsed.GetRequiredValue(Source);
        using var image = ImageInput.Load(parsed, path, cancellationToken);
        using var model = ModelOptions.LoadForImages(parsed);
        var options = SamplingArguments.Complete(SamplingArguments.Read(parsed), model.Info, runsPrior: false);
        var first = model.VariationOf(image, SamplingArguments.ReadSeed(parsed), parsed.GetValue(Strength));
        GenerationRequest[] requests = [.. GenerationRequest.Series("", first.Seed, parsed.GetValue(SamplingArguments.Images)).Select(request => first with { Seed = request.Seed })];
        return await new ImageGenerationRun(requests.Length, Name: (_, variation) => string.Create(CultureInfo.InvariantCulture, $"{FileNames.OfSource(path)}_variation_{variation.Seed}"))
            .RunAsync(parsed, Generate, candidates: null, cancellationToken);

        IEnumerable<OutputImage> Generate(IProgress<GenerationProgress> progress) =>
            model.GenerateBatch(requests, options, progress, cancellationToken).Select(variation => new OutputImage(variation));
    }
}
