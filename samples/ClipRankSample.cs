using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Samples;

public static class ClipRankSample
{
    #region Sample
    public static void Example()
    {
        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadFromEnumerable(new[] { new Request { Prompt = "a red heart" } });
        var pipeline = ml.Transforms
            .GenerateImageTokens(new GenerateImageTokensEstimator.Options
            {
                InputColumnName = "Prompt",
                OutputColumnName = "Tokens",
                Generation = new GenerationOptions { Candidates = 6 },
            })
            .Append(ml.Transforms.ClipRank(new ClipRankEstimator.Options
            {
                InputTextColumnName = "Prompt",
                InputTokensColumnName = "Tokens",
                OutputColumnName = "Best",
                OrderColumnName = "Order",
                ScoresColumnName = "Scores",
                TopK = 3,
            }));

        var view = pipeline.Fit(data).Transform(data);
        var (order, scores) = (view.GetColumn<int[]>("Order").Single(), view.GetColumn<float[]>("Scores").Single());
        Console.WriteLine($"{order.Distinct().Count()} of the candidates 0 to 5 are kept");
        Console.WriteLine($"Best first: {scores.SequenceEqual(scores.OrderDescending())}");

        // By the transformer's own perplexity, as ru-dALLE does: no CLIP is needed.
        var byPerplexity = ml.Transforms.ClipRank(new ClipRankEstimator.Options
        {
            InputTextColumnName = "Prompt",
            InputTokensColumnName = "Tokens",
            RankBy = RankBy.Perplexity,
            OutputColumnName = "Likeliest",
            PerplexitiesColumnName = "Perplexities",
        });
        var perplexities = byPerplexity.Fit(view).Transform(view).GetColumn<float[]>("Perplexities").Single();
        Console.WriteLine($"Lowest perplexity first: {perplexities.SequenceEqual(perplexities.Order())}");

        // Output:
        //   3 of the candidates 0 to 5 are kept
        //   Best first: True
        //   Lowest perplexity first: True
    }

    private sealed class Request
    {
        public string Prompt { get; set; } = "";
    }
    #endregion
}
