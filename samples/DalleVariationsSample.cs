using Dalle.ML.Export;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Samples;

public static class DalleVariationsSample
{
    #region Sample
    public static void Example()
    {
        // Random weights, so that the sample runs without a download: the pictures are noise. With the published ones:
        // BundleExporter.Export("karlo", ["karlo"], model), or dalle pull karlo and the name "karlo".
        var model = Path.Combine(Path.GetTempPath(), "dalle-sample-variations");
        BundleExporter.ExportRandom("karlo", "tiny", model);

        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadFromEnumerable(new[] { new Request { Prompt = "a red heart", Seed = 1 }, new Request { Prompt = "a red heart", Seed = 2 } });

        // The built-in model generates the image; the other one varies it. The same prompt makes one heart, the seeds two variations of it.
        var pipeline = ml.Transforms.DalleGenerate("Heart", "Prompt")
            .Append(ml.Transforms.DalleVariations(new DalleVariationsEstimator.Options
            {
                ModelPath = model,
                InputColumnName = "Heart",
                InputSeedColumnName = "Seed",
                OutputColumnName = "Variation",
                Generation = new GenerationOptions { Diffusion = new DiffusionOptions { DecoderSteps = 5 } },
            }));

        var images = pipeline.Fit(data).Transform(data);
        var (hearts, variations) = (images.GetColumn<MLImage>("Heart").ToArray(), images.GetColumn<MLImage>("Variation").ToArray());
        Console.WriteLine($"The hearts are the same: {hearts[0].Pixels.SequenceEqual(hearts[1].Pixels)}");
        Console.WriteLine($"The variations of {variations[0].Width} x {variations[0].Height} pixels are the same: {variations[0].Pixels.SequenceEqual(variations[1].Pixels)}");

        // Output:
        //   The hearts are the same: True
        //   The variations of 64 x 64 pixels are the same: False
    }

    private sealed class Request
    {
        public string Prompt { get; set; } = "";

        public ulong Seed { get; set; }
    }
    #endregion
}
