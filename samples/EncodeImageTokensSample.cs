using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Samples;

public static class EncodeImageTokensSample
{
    #region Sample
    public static void Example()
    {
        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadFromEnumerable(new[] { new Request { Prompt = "a red heart" } });

        // Images come from anywhere, for example from LoadImages, and may have any size.
        var pipeline = ml.Transforms.DalleGenerate("Image", "Prompt")
            .Append(ml.Transforms.EncodeImageTokens("Tokens", "Image"));

        var view = pipeline.Fit(data).Transform(data);
        Console.WriteLine(view.Schema["Tokens"].Type);
        Console.WriteLine($"All are image tokens below 4096: {view.GetColumn<int[]>("Tokens").Single().All(token => token is >= 0 and < 4096)}");

        // Output:
        //   Vector<Int32, 16, 16>
        //   All are image tokens below 4096: True
    }

    private sealed class Request
    {
        public string Prompt { get; set; } = "";
    }
    #endregion
}
