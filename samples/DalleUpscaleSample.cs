using Dalle.ML.Export;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Samples;

public static class DalleUpscaleSample
{
    #region Sample
    public static void Example()
    {
        // Random weights, so that the sample runs without a download: the pictures are noise. With the published ones:
        // BundleExporter.Export("real-esrgan", ["RealESRGAN_x4plus.pth"], upscaler);
        var upscaler = Path.Combine(Path.GetTempPath(), "dalle-sample-upscaler");
        BundleExporter.ExportRandom("real-esrgan", "tiny", upscaler);

        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadFromEnumerable(new[] { new Request { Prompt = "a red heart" } });

        var pipeline = ml.Transforms.DalleGenerate("Image", "Prompt")
            .Append(ml.Transforms.DalleUpscale("Large", "Image", modelPath: upscaler));

        var images = pipeline.Fit(data).Transform(data);
        var (before, after) = (images.GetColumn<MLImage>("Image").Single(), images.GetColumn<MLImage>("Large").Single());
        Console.WriteLine($"{before.Width} x {before.Height} pixels became {after.Width} x {after.Height}");

        // Output:
        //   128 x 128 pixels became 512 x 512
    }

    private sealed class Request
    {
        public string Prompt { get; set; } = "";
    }
    #endregion
}
