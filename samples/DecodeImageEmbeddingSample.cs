using Dalle.ML.Export;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Samples;

public static class DecodeImageEmbeddingSample
{
    #region Sample
    public static void Example()
    {
        // Random weights, so that the sample runs without a download: the pictures are noise. With the published ones:
        // BundleExporter.Export("karlo", ["karlo"], model), or dalle pull karlo and the name "karlo".
        var model = Path.Combine(Path.GetTempPath(), "dalle-sample-decoder");
        BundleExporter.ExportRandom("karlo", "tiny", model);

        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadFromEnumerable(new[] { new Request { Prompt = "a red heart" } });

        // The prior, then the decoder, which reads the text too: together they are DalleGenerate.
        var pipeline = ml.Transforms.GenerateImageEmbedding("ImageEmbedding", "Prompt", modelPath: model)
            .Append(ml.Transforms.DecodeImageEmbedding(new DecodeImageEmbeddingEstimator.Options
            {
                ModelPath = model,
                InputColumnName = "ImageEmbedding",
                InputTextColumnName = "Prompt",
                OutputColumnName = "Decoded",
            }))
            .Append(ml.Transforms.DalleGenerate("Generated", "Prompt", modelPath: model));

        var images = pipeline.Fit(data).Transform(data);
        var (decoded, generated) = (images.GetColumn<MLImage>("Decoded").Single(), images.GetColumn<MLImage>("Generated").Single());
        Console.WriteLine($"{decoded.Width} x {decoded.Height} pixels, the same: {decoded.Pixels.SequenceEqual(generated.Pixels)}");

        // Output:
        //   64 x 64 pixels, the same: True
    }

    private sealed class Request
    {
        public string Prompt { get; set; } = "";
    }
    #endregion
}
