using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Samples;

public static class GenerateImageTokensSample
{
    #region Sample
    public static void Example()
    {
        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadFromEnumerable(new[] { new Request { Prompt = "a red heart" } });

        // The parts of DalleGenerate one by one: prompt tokens, image tokens of four candidates, and the best of their images.
        var pipeline = ml.Transforms.TokenizePrompt("PromptTokens", "Prompt")
            .Append(ml.Transforms.GenerateImageTokens(new GenerateImageTokensEstimator.Options
            {
                InputPromptTokensColumnName = "PromptTokens",
                OutputColumnName = "Tokens",
                Generation = new GenerationOptions { Candidates = 4 },
            }))
            .Append(ml.Transforms.ClipRank("Image", "Prompt", "Tokens"));

        var view = pipeline.Fit(data).Transform(data);
        Console.WriteLine($"4 candidates of 256 tokens each: {view.GetColumn<int[]>("Tokens").Single().Length}");
        Console.WriteLine($"The best is {view.GetColumn<MLImage>("Image").Single().Width} pixels wide");

        // Output:
        //   4 candidates of 256 tokens each: 1024
        //   The best is 128 pixels wide
    }

    private sealed class Request
    {
        public string Prompt { get; set; } = "";
    }
    #endregion
}
