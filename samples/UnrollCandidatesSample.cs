using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Samples;

public static class UnrollCandidatesSample
{
    #region Sample
    public static void Example()
    {
        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadFromEnumerable(new[] { new Request { Prompt = "a red heart" }, new Request { Prompt = "a cat" } });
        var generated = ml.Transforms.DalleGenerate(new DalleGenerateEstimator.Options
        {
            InputColumnName = "Prompt",
            OutputColumnName = "Best",
            CandidateScoresColumnName = "Scores",
            CandidateImagesColumnName = "Images",
            Generation = new GenerationOptions { Candidates = 3 },
        }).Fit(data).Transform(data);

        var candidates = ml.Data.UnrollCandidates(generated, inputScoresColumnName: "Scores", inputImagesColumnName: "Images");
        foreach (var candidate in ml.Data.CreateEnumerable<Candidate>(candidates, reuseRowObject: false))
            Console.WriteLine($"{candidate.Prompt} {candidate.Number}: {candidate.Image!.Width} pixels wide");

        // Output:
        //   a red heart 0: 128 pixels wide
        //   a red heart 1: 128 pixels wide
        //   a red heart 2: 128 pixels wide
        //   a cat 0: 128 pixels wide
        //   a cat 1: 128 pixels wide
        //   a cat 2: 128 pixels wide
    }

    private sealed class Request
    {
        public string Prompt { get; set; } = "";
    }

    private sealed class Candidate
    {
        public string Prompt { get; set; } = "";

        [ColumnName("Candidate")]
        public int Number { get; set; }

        [MLImageType]
        public MLImage? Image { get; set; }
    }
    #endregion
}
