using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests;

public sealed class PerplexityTests
{
    private const string Prompt = "a red heart";

    [Fact]
    public void The_perplexity_of_a_candidate_is_the_mean_of_1_over_p_of_its_tokens_but_the_first()
    {
        using var model = TinyModel.Load();
        foreach (var rankBy in new[] { RankBy.Perplexity, RankBy.Both })
        {
            // More than are computed at once.
            GeneratedImage[] images = [.. model.GenerateCandidates(new GenerationRequest(Prompt, Seed: 3), new() { Candidates = 18, RankBy = rankBy })];
            Assert.Equal(Enumerable.Range(0, 18), images.Select(image => image.Candidate));
            foreach (var image in images)
            {
                using (image)
                {
                    var probabilities = model.LogProbabilities([new(Prompt, 0) { KnownTokens = image.Tokens }]).Single();
                    Assert.Equal(probabilities.Skip(1).Average(value => Math.Exp(-value)), image.Perplexity, tolerance: 1e-3 * image.Perplexity);
                }
            }
        }
        using var unranked = model.Generate(Prompt, seed: 3, new() { Candidates = 1 });
        Assert.True(float.IsNaN(unranked.Perplexity));
    }

    [Fact]
    public void The_best_image_is_the_least_surprising_candidate()
    {
        using var model = TinyModel.Load();
        var options = new GenerationOptions { Candidates = 5, RankBy = RankBy.Perplexity };
        GeneratedImage[] images = [.. model.GenerateCandidates(new GenerationRequest(Prompt, Seed: 3), options)];
        using var best = model.Generate(Prompt, seed: 3, options);
        Assert.Equal(images.MinBy(image => image.Perplexity)!.Candidate, best.Candidate);
        using var list = new BestImages(count: 5, RankBy.Perplexity);
        Array.ForEach(images, list.Add);
        Assert.Equal(images.OrderBy(image => image.Perplexity).Select(image => image.Candidate), list.Select(image => image.Candidate));
    }

    [Fact]
    public void An_image_has_the_perplexity_of_its_tokens()
    {
        using var model = TinyModel.Load();
        using var image = model.Generate(Prompt, seed: 1, new() { Candidates = 1 });
        var probabilities = model.LogProbabilities([new("a cat", 0) { KnownTokens = model.EncodeImage(image.Image) }]).Single();
        Assert.Equal(probabilities.Skip(1).Average(value => Math.Exp(-value)), model.Perplexity("a cat", image.Image), tolerance: 0.01);
    }

    [Fact]
    public void A_pipeline_ranks_by_perplexity_too()
    {
        var ml = new MLContext();
        var data = ml.Data.LoadFromEnumerable([new { Prompt }]);
        var options = new DalleGenerateEstimator.Options
        {
            ModelPath = TinyModel.Path,
            InputColumnName = "Prompt",
            Seed = 3,
            Generation = new() { Candidates = 5, RankBy = RankBy.Perplexity },
            PerplexityColumnName = "Perplexity",
            CandidateSeedsColumnName = "Seeds",
        };
        var view = ml.Transforms.DalleGenerate(options).Fit(data).Transform(data);
        using var model = TinyModel.Load();
        using var best = new BestImages(count: 5, RankBy.Perplexity);
        foreach (var image in model.GenerateCandidates(new GenerationRequest(Prompt, Seed: 3), options.Generation))
            best.Add(image);
        Assert.Equal(best[0].Perplexity, view.GetColumn<float>("Perplexity").Single(), tolerance: 1e-3f * best[0].Perplexity);
        Assert.Equal(best.Select(image => image.CandidateSeed), view.GetColumn<ulong[]>("Seeds").Single());

        var clip = ml.Transforms.DalleGenerate(options with { Generation = new() { Candidates = 5 } });
        Assert.Contains("PerplexityColumnName", Assert.Throws<DalleOptionException>(() => clip.Fit(data)).Message, StringComparison.Ordinal);
    }

    // ru-dALLE's ce_to_ppl counts the tokens whose 32-bit cross entropy is not zero.
    [Theory]
    [InlineData(1f, new[] { -3.0, 0, -1e-9 })]
    [InlineData(4f, new[] { -3.0, 0, -1.3862943611198906 })]
    [InlineData(3f, new[] { 0, -1.3862943611198906, -0.6931471805599453 })]
    public void Tokens_that_are_certain_do_not_count(float expected, double[] probabilities) =>
        Assert.Equal(expected, ImagePerplexity.Of(probabilities), tolerance: 1e-5f);

    [Theory]
    [InlineData(RankBy.Clip, new[] { 1, 0, 3, 2, 4 })]
    [InlineData(RankBy.Perplexity, new[] { 3, 1, 2, 0, 4 })]
    [InlineData(RankBy.Both, new[] { 1, 3, 0, 2, 4 })]
    public void Candidates_are_ordered_by_score_or_perplexity_and_unknown_numbers_are_last(RankBy rankBy, int[] expected)
    {
        (float Score, float Perplexity)[] candidates = [(2, 9), (3, 4), (1, 5), (2, 2), (float.NaN, float.NaN)];
        Assert.Equal(expected, new CandidateOrder(rankBy).Sort(Enumerable.Range(0, candidates.Length), i => candidates[i]));
    }
}
