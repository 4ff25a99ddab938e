using System.CommandLine;
using System.Globalization;
using Dalle.ML.Evaluation;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary><c>dalle reconstruct</c>: encodes and decodes images, and measures the loss.</summary>
internal static class ReconstructCommand
{
    public static Command Create()
    {
        var command = new ToolCommand("reconstruct", "Encode and decode images, and measure the loss as PSNR (dB; higher is better).",
        [
            "dalle reconstruct apple.png -o out",
            "dalle reconstruct photos/*.png -o out --json",
            "dalle reconstruct - -o - < apple.png > again.png",
        ])
        {
            ImageInput.Several, ImageInput.MaxMegapixels, ModelOptions.All, ImageOutput.Target, Results.Json, Results.Quiet,
        };
        command.SetWork(Run);
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        using var model = ModelOptions.Load(parsed);
        var output = ImageOutput.Open(parsed, parsed.GetRequiredValue(ImageInput.Several).Length);
        return ImageInput.ForEach(parsed, Reconstruct, cancellationToken);

        void Reconstruct(string path, MLImage image)
        {
            using var fitted = model.FitImage(image);
            using var decoded = model.DecodeTokens(model.EncodeImage(fitted));
            var psnr = ImageSimilarity.PeakSignalToNoise(fitted.GetBGRPixels, decoded.GetBGRPixels);
            output.Write(decoded, FileNames.OfSource(path) + "_reconstructed", file => new
            {
                Source = path,
                Psnr = double.IsFinite(psnr) ? psnr : (double?)null,
                File = file,
            });
            if (!parsed.GetValue(Results.Json) && !parsed.GetValue(Results.Quiet))
                Results.Remark(parsed, string.Create(CultureInfo.InvariantCulture, $"{path}: PSNR {psnr:F2} dB"));
        }
    }
}
