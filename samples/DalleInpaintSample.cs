using Dalle.ML.Export;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Samples;

public static class DalleInpaintSample
{
    #region Sample
    public static void Example()
    {
        // Random weights, so that the sample runs without a download: the pictures are noise. With the published ones:
        // BundleExporter.Export("karlo", ["karlo"], model), or dalle pull karlo and the name "karlo".
        var model = Path.Combine(Path.GetTempPath(), "dalle-sample-inpaint");
        BundleExporter.ExportRandom("karlo", "tiny", model);

        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadFromEnumerable(new[] { new Request { Prompt = "a red heart", Other = "a green heart", Mask = RightHalf() } });

        // Generates a heart, keeps its left half, and paints the right one anew for another prompt.
        var pipeline = ml.Transforms.DalleGenerate("First", "Prompt", modelPath: model)
            .Append(ml.Transforms.DalleInpaint("Second", "Other", "First", "Mask", modelPath: model));

        var painted = pipeline.Fit(data).Transform(data);
        var (first, second) = (painted.GetColumn<MLImage>("First").Single(), painted.GetColumn<MLImage>("Second").Single());
        Console.WriteLine($"The left half is the same: {Differences(first, second).All(column => column >= 32)}");
        Console.WriteLine($"So is the right half: {!Differences(first, second).Any()}");

        // Output:
        //   The left half is the same: True
        //   So is the right half: False
    }

    /// <summary>White is painted, black is kept.</summary>
    private static MLImage RightHalf() => MLImage.CreateFromPixels(
        64, 64, MLPixelFormat.Bgra32, [.. Enumerable.Range(0, 64 * 64).SelectMany(i => i % 64 < 32 ? new byte[] { 0, 0, 0, 255 } : [255, 255, 255, 255])]);

    /// <summary>The columns of pixels that differ.</summary>
    private static IEnumerable<int> Differences(MLImage first, MLImage second) => Enumerable.Range(0, 64 * 64)
        .Where(i => !first.Pixels.Slice(4 * i, 4).SequenceEqual(second.Pixels.Slice(4 * i, 4)))
        .Select(i => i % 64);

    private sealed class Request
    {
        public string Prompt { get; set; } = "";

        public string Other { get; set; } = "";

        [MLImageType]
        public MLImage? Mask { get; set; }
    }
    #endregion
}
