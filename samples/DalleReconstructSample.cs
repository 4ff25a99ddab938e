using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Samples;

public static class DalleReconstructSample
{
    #region Sample
    public static void Example()
    {
        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadFromEnumerable(new[] { new Request { Prompt = "a red heart" } });

        // Images come from anywhere, for example from LoadImages, and may have any size.
        var pipeline = ml.Transforms.DalleGenerate("Generated", "Prompt")
            .Append(ml.Transforms.ResizeImages("Large", imageWidth: 200, imageHeight: 150, inputColumnName: "Generated"))
            .Append(ml.Transforms.DalleReconstruct("Image", "Large"));

        var images = pipeline.Fit(data).Transform(data);
        var (before, after) = (images.GetColumn<MLImage>("Large").Single(), images.GetColumn<MLImage>("Image").Single());
        Console.WriteLine($"{before.Width} x {before.Height} pixels became {after.Width} x {after.Height}");

        // Output:
        //   200 x 150 pixels became 128 x 128
    }

    private sealed class Request
    {
        public string Prompt { get; set; } = "";
    }
    #endregion
}
