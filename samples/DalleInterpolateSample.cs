using Dalle.ML.Export;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Samples;

public static class DalleInterpolateSample
{
    #region Sample
    public static void Example()
    {
        // Random weights, so that the sample runs without a download: the pictures are noise. With the published ones:
        // BundleExporter.Export("karlo", ["karlo"], model), or dalle pull karlo and the name "karlo".
        var model = Path.Combine(Path.GetTempPath(), "dalle-sample-interpolate");
        BundleExporter.ExportRandom("karlo", "tiny", model);

        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadFromEnumerable(new[] { new Request { From = "a red heart", To = "a robot" } });
        var few = new GenerationOptions { Diffusion = new DiffusionOptions { DecoderSteps = 5 } };

        // The way from one image to another as a strip of five frames, and its middle.
        var pipeline = ml.Transforms.DalleGenerate("First", "From")
            .Append(ml.Transforms.DalleGenerate("Last", "To"))
            .Append(ml.Transforms.DalleInterpolate(new DalleInterpolateEstimator.Options
            {
                ModelPath = model,
                InputFromImageColumnName = "First",
                InputToImageColumnName = "Last",
                OutputColumnName = "Strip",
                Frames = 5,
                Generation = few,
            }))
            .Append(ml.Transforms.DalleInterpolate(new DalleInterpolateEstimator.Options
            {
                ModelPath = model,
                InputFromImageColumnName = "First",
                InputToImageColumnName = "Last",
                OutputColumnName = "Middle",
                Generation = few,
            }));

        var images = pipeline.Fit(data).Transform(data);
        var (strip, middle) = (images.GetColumn<MLImage>("Strip").Single(), images.GetColumn<MLImage>("Middle").Single());
        Console.WriteLine($"A strip of {strip.Width} x {strip.Height} pixels");
        Console.WriteLine($"Its third frame is the middle: {Enumerable.Range(0, 64).All(y => Row(strip, y, from: 2 * 64).SequenceEqual(Row(middle, y, from: 0)))}");

        // Output:
        //   A strip of 320 x 64 pixels
        //   Its third frame is the middle: True
    }

    /// <summary>64 pixels of a row.</summary>
    private static ReadOnlySpan<byte> Row(MLImage image, int y, int from) => image.Pixels.Slice(4 * (y * image.Width + from), 4 * 64);

    private sealed class Request
    {
        public string From { get; set; } = "";

        public string To { get; set; } = "";
    }
    #endregion
}
