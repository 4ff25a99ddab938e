using Microsoft.ML;

namespace Dalle.ML.Samples;

public static class RankCandidatesSample
{
    #region Sample
    public static void Example()
    {
        var ml = new MLContext(seed: 1);

        // Rows of one prompt follow one another. The images could as well be photographs.
        var data = ml.Data.LoadFromEnumerable(new[]
        {
            new Request { Prompt = "a red heart", Shown = "a green square" },
            new Request { Prompt = "a red heart", Shown = "a red heart" },
            new Request { Prompt = "a cat", Shown = "a cat" },
        });
        var pipeline = ml.Transforms.DalleGenerate("Image", "Shown")
            .Append(ml.Transforms.ClipScore("Score", "Prompt", "Image"));

        var ranked = ml.Data.RankCandidates(pipeline.Fit(data).Transform(data), groupColumnName: "Prompt", scoreColumnName: "Score", topK: 1);
        foreach (var row in ml.Data.CreateEnumerable<Request>(ranked, reuseRowObject: false))
            Console.WriteLine($"The best for {row.Prompt} shows {row.Shown}");

        // Output:
        //   The best for a red heart shows a red heart
        //   The best for a cat shows a cat
    }

    private sealed class Request
    {
        public string Prompt { get; set; } = "";

        public string Shown { get; set; } = "";
    }
    #endregion
}
