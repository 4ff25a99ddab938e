using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Samples;

public static class DalleCompleteSample
{
    #region Sample
    public static void Example()
    {
        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadFromEnumerable(new[] { new Request { Prompt = "a red heart", Other = "a green heart" } });

        // Generates a heart, keeps its upper half, and generates the rest for another prompt.
        var pipeline = ml.Transforms.DalleGenerate("First", "Prompt")
            .Append(ml.Transforms.EncodeImageTokens("FirstTokens", "First"))
            .Append(ml.Transforms.DalleComplete(new DalleCompleteEstimator.Options
            {
                InputTextColumnName = "Other",
                InputImageColumnName = "First",
                OutputColumnName = "Second",
                TokensColumnName = "SecondTokens",
                Keep = KeepRegion.Top(8),
            }));

        var completed = pipeline.Fit(data).Transform(data);
        var (first, second) = (completed.GetColumn<int[]>("FirstTokens").Single(), completed.GetColumn<int[]>("SecondTokens").Single());
        Console.WriteLine($"The upper 8 of 16 rows of tokens are the same: {first.Take(128).SequenceEqual(second.Take(128))}");
        Console.WriteLine($"So are all: {first.SequenceEqual(second)}");

        // Output:
        //   The upper 8 of 16 rows of tokens are the same: True
        //   So are all: False
    }

    private sealed class Request
    {
        public string Prompt { get; set; } = "";

        public string Other { get; set; } = "";
    }
    #endregion
}
