using System.CommandLine;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary><c>dalle upscale</c>: enlarges images.</summary>
internal static class UpscaleCommand
{
    public static Command Create()
    {
        var command = new ToolCommand("upscale", "Enlarge images by a model such as Real-ESRGAN.",
        [
            "dalle upscale apple.png -m models/esrgan -o out",
            "dalle upscale photos/*.png -m models/esrgan -o out --json",
            "dalle upscale - -m models/esrgan -o - < heart.png > large.png",
        ])
        {
            ImageInput.Several, ImageInput.MaxMegapixels, ModelOptions.All, ImageOutput.Target, Results.Json, Results.Quiet,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        using var model = ModelOptions.Load(parsed);
        if (model.Info.UpscaleFactor == 0)
            throw new UsageException($"the model '{model.Info.Name}' has no upscaler. Name one that has with --model, for example what 'dalle export real-esrgan' made.");
        var count = parsed.GetRequiredValue(ImageInput.Several).Length;
        var output = ImageOutput.Open(parsed, count);
        var code = CommandLine.Success;
        await ProgressDisplay.RunAsync(parsed.Console(), !parsed.GetValue(Results.Quiet), betweenLines: null, display =>
        {
            var number = 0;
            code = ImageInput.ForEach(parsed, Upscale, cancellationToken);

            void Upscale(string path, MLImage image)
            {
                var done = number++;
                using var upscaled = Enlargement.Upscale(model, image, $"'{path}'", new Reporter(value => display.Report((done + value) / count, $"image {done + 1} of {count}")), cancellationToken);
                output.Write(upscaled, FileNames.OfSource(path) + $"_x{model.Info.UpscaleFactor}", file => new { Source = path, upscaled.Width, upscaled.Height, File = file });
            }
        });
        return code;
    }

    private sealed class Reporter(Action<double> report) : IProgress<double>
    {
        public void Report(double value) => report(value);
    }
}
