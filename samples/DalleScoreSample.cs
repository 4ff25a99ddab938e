using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Samples;

public static class DalleScoreSample
{
    #region Sample
    public static void Example()
    {
        var ml = new MLContext();
        var data = ml.Data.LoadFromEnumerable(new[] { new Request { Prompt = "a red heart", Other = "a green square" } });
        var pipeline = ml.Transforms.DalleGenerate(new DalleGenerateEstimator.Options { InputColumnName = "Prompt", Seed = 7 })
            .Append(ml.Transforms.DalleScore("Score", "Prompt", "Image"))
            .Append(ml.Transforms.DalleScore("OtherScore", "Other", "Image"));

        var view = pipeline.Fit(data).Transform(data);
        Console.WriteLine($"Its own text explains the heart better: {view.GetColumn<float>("Score").Single() > view.GetColumn<float>("OtherScore").Single()}");

        // Output:
        //   Its own text explains the heart better: True
    }

    private sealed class Request
    {
        public string Prompt { get; set; } = "";

        public string Other { get; set; } = "";
    }
    #endregion
}
