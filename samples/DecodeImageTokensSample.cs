using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Samples;

public static class DecodeImageTokensSample
{
    #region Sample
    public static void Example()
    {
        var ml = new MLContext();

        // An image whose tokens are all 0.
        var data = ml.Data.LoadFromEnumerable(new[] { new ImageTokens { Tokens = new int[64] } });
        var pipeline = ml.Transforms.DecodeImageTokens("Image", "Tokens");

        var image = pipeline.Fit(data).Transform(data).GetColumn<MLImage>("Image").Single();
        Console.WriteLine($"{image.Width} x {image.Height} pixels");

        // Output:
        //   64 x 64 pixels
    }

    private sealed class ImageTokens
    {
        public int[] Tokens { get; set; } = [];
    }
    #endregion
}
