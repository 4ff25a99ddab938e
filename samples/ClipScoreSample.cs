using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Samples;

public static class ClipScoreSample
{
    #region Sample
    public static void Example()
    {
        var ml = new MLContext();
        var data = ml.Data.LoadFromEnumerable(new[] { new Request { Prompt = "a red heart", Other = "a green square" } });
        var pipeline = ml.Transforms.DalleGenerate(new DalleGenerateEstimator.Options { InputColumnName = "Prompt", Seed = 7 })
            .Append(ml.Transforms.ClipScore("Score", "Prompt", "Image"))
            .Append(ml.Transforms.ClipScore("OtherScore", "Other", "Image"));

        var view = pipeline.Fit(data).Transform(data);
        Console.WriteLine($"The heart fits its own text better: {view.GetColumn<float>("Score").Single() > view.GetColumn<float>("OtherScore").Single()}");

        // Output:
        //   The heart fits its own text better: True
    }

    private sealed class Request
    {
        public string Prompt { get; set; } = "";

        public string Other { get; set; } = "";
    }
    #endregion
}
