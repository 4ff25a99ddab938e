using Dalle.ML.Export;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Samples;

public static class CompleteTextSample
{
    #region Sample
    public static void Example()
    {
        // Random weights, so that the sample runs without a download: the texts are noise. With a checkpoint of your own:
        // BundleExporter.Export("dalle-pytorch", ["dalle.pt", "bpe_simple_vocab_16e6.txt"], model);
        var model = Path.Combine(Path.GetTempPath(), "dalle-sample-text");
        BundleExporter.ExportRandom("dalle-pytorch", "tiny", model);

        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadFromEnumerable(new[] { new Request { Prompt = "a red", Seed = 1 }, new Request { Prompt = "a red", Seed = 2 } });

        // Completed prompts become images; the tokens say exactly what the model completed.
        var pipeline = ml.Transforms.CompleteText(new CompleteTextEstimator.Options
        {
            ModelPath = model,
            InputColumnName = "Prompt",
            InputSeedColumnName = "Seed",
            OutputColumnName = "Caption",
            TokensColumnName = "CaptionTokens",
            Sampling = new SamplingOptions { TopP = 0.9f },
        })
        .Append(ml.Transforms.GenerateImageTokens(new GenerateImageTokensEstimator.Options
        {
            ModelPath = model,
            InputPromptTokensColumnName = "CaptionTokens",
            OutputColumnName = "ImageTokens",
        }));

        var view = pipeline.Fit(data).Transform(data);
        var captions = view.GetColumn<string>("Caption").ToArray();
        Console.WriteLine($"They begin with the prompt: {captions.All(caption => caption.StartsWith("a red", StringComparison.Ordinal))}");
        Console.WriteLine($"They are the same: {captions[0] == captions[1]}");
        Console.WriteLine($"Image tokens of each: {string.Join(", ", view.GetColumn<int[]>("ImageTokens").Select(tokens => tokens.Length))}");

        // Output:
        //   They begin with the prompt: True
        //   They are the same: False
        //   Image tokens of each: 16, 16
    }

    private sealed class Request
    {
        public string Prompt { get; set; } = "";

        public ulong Seed { get; set; }
    }
    #endregion
}
