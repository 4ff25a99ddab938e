using Dalle.ML.Export;
using Microsoft.ML;

namespace Dalle.ML.Samples;

public static class ExtractImageFeaturesSample
{
    #region Sample
    public static void Example()
    {
        // Random weights, so that the sample runs without a download: the features mean nothing. With the published ones:
        // BundleExporter.Export("inception", ["pt_inception-2015-12-05-6726825d.pth"], inception);
        var inception = Path.Combine(Path.GetTempPath(), "dalle-sample-inception");
        BundleExporter.ExportRandom("inception", "tiny", inception);

        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadFromEnumerable(new[] { new Request { Prompt = "a red heart" } });

        // What FID, KID, precision and recall compare, and the logits that the Inception Score takes.
        var pipeline = ml.Transforms.DalleGenerate("Image", "Prompt")
            .Append(ml.Transforms.ExtractImageFeatures(new() { InputColumnName = "Image", LogitsColumnName = "Logits", ModelPath = inception }));

        var schema = pipeline.Fit(data).Transform(data).Schema;
        Console.WriteLine($"{schema["Features"].Type}, {schema["Logits"].Type}");

        // Output:
        //   Vector<Single, 128>, Vector<Single, 1008>
    }

    private sealed class Request
    {
        public string Prompt { get; set; } = "";
    }
    #endregion
}
