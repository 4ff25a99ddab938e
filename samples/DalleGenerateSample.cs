using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Samples;

public static class DalleGenerateSample
{
    #region Sample
    public static void Example()
    {
        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadFromEnumerable(new[] { new Request { Prompt = "a red heart" }, new Request { Prompt = "three bananas" } });
        var pipeline = ml.Transforms.DalleGenerate(new DalleGenerateEstimator.Options
        {
            InputColumnName = "Prompt",
            OutputColumnName = "Image",
            TokensColumnName = "Tokens",
            Generation = new GenerationOptions { Candidates = 2 },
        });

        // Nothing is generated yet: an image is generated when it is read.
        var images = pipeline.Fit(data).Transform(data);
        foreach (var result in ml.Data.CreateEnumerable<Result>(images, reuseRowObject: false))
            Console.WriteLine($"{result.Prompt}: {result.Image!.Width} x {result.Image.Height} pixels of {result.Tokens.Length} tokens");

        // Output:
        //   a red heart: 128 x 128 pixels of 256 tokens
        //   three bananas: 128 x 128 pixels of 256 tokens
    }

    private sealed class Request
    {
        public string Prompt { get; set; } = "";
    }

    private sealed class Result
    {
        public string Prompt { get; set; } = "";

        [MLImageType]
        public MLImage? Image { get; set; }

        public int[] Tokens { get; set; } = [];
    }
    #endregion
}
