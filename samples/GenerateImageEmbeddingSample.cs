using Dalle.ML.Export;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Samples;

public static class GenerateImageEmbeddingSample
{
    #region Sample
    public static void Example()
    {
        // Random weights, so that the sample runs without a download: the pictures are noise. With the published ones:
        // BundleExporter.Export("karlo", ["karlo"], model), or dalle pull karlo and the name "karlo".
        var model = Path.Combine(Path.GetTempPath(), "dalle-sample-prior");
        BundleExporter.ExportRandom("karlo", "tiny", model);

        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadFromEnumerable(new[] { new Request { Prompt = "a red heart" }, new Request { Prompt = "a robot" } });

        // The prior alone. The embeddings are features, or what DecodeImageEmbedding makes images of.
        var pipeline = ml.Transforms.GenerateImageEmbedding("ImageEmbedding", "Prompt", modelPath: model);

        var embeddings = pipeline.Fit(data).Transform(data).GetColumn<float[]>("ImageEmbedding").ToArray();
        Console.WriteLine($"{embeddings.Length} embeddings of {embeddings[0].Length} values");
        Console.WriteLine($"They are the same: {embeddings[0].SequenceEqual(embeddings[1])}");

        // Output:
        //   2 embeddings of 64 values
        //   They are the same: False
    }

    private sealed class Request
    {
        public string Prompt { get; set; } = "";
    }
    #endregion
}
