using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Samples;

public static class DecodeImageTokensSample
{
    #region Sample
    public static void Example()
    {
        var ml = new MLContext(seed: 1);

        // An image whose tokens are all 0.
        var tokens = ml.Data.LoadFromEnumerable(new[] { new ImageTokens { Tokens = new int[256] } });
        var image = ml.Transforms.DecodeImageTokens("Image", "Tokens").Fit(tokens).Transform(tokens).GetColumn<MLImage>("Image").Single();
        Console.WriteLine($"{image.Width} x {image.Height} pixels");

        // The candidates of a prompt as one image, two side by side and without seams.
        var prompts = ml.Data.LoadFromEnumerable(new[] { new Request { Prompt = "a red heart" } });
        var pipeline = ml.Transforms
            .GenerateImageTokens(new GenerateImageTokensEstimator.Options
            {
                InputColumnName = "Prompt",
                OutputColumnName = "Tokens",
                Generation = new GenerationOptions { Candidates = 4 },
            })
            .Append(ml.Transforms.DecodeImageTokens(new DecodeImageTokensEstimator.Options
            {
                InputColumnName = "Tokens",
                OutputColumnName = "Tiles",
                GridColumns = 2,
            }));

        var tiles = pipeline.Fit(prompts).Transform(prompts).GetColumn<MLImage>("Tiles").Single();
        Console.WriteLine($"{tiles.Width} x {tiles.Height} pixels");

        // Output:
        //   128 x 128 pixels
        //   256 x 256 pixels
    }

    private sealed class ImageTokens
    {
        public int[] Tokens { get; set; } = [];
    }

    private sealed class Request
    {
        public string Prompt { get; set; } = "";
    }
    #endregion
}
