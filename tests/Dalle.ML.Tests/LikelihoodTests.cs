namespace Dalle.ML.Tests;

public sealed class LikelihoodTests
{
    private static readonly GenerationOptions Greedy = new() { Candidates = 1, Sampling = new SamplingOptions { TopK = 1, GuidanceScale = 1 } };

    [Fact]
    public void The_likeliest_tokens_are_at_least_as_likely_as_the_mean_and_others_less()
    {
        using var model = TinyModel.Load();
        using var image = model.Generate("a red heart", 1, Greedy);
        var greedy = model.LogProbabilities([new("a red heart", 0) { KnownTokens = image.Tokens }]).Single();
        Assert.Equal(image.Tokens.Count, greedy.Count);
        Assert.All(greedy, value => Assert.InRange(value, -Math.Log(model.Info.CodebookSize), 0));
        int[] changed = [.. image.Tokens];
        changed[^1] = (changed[^1] + 1) % model.Info.CodebookSize;
        var other = model.LogProbabilities([new("a red heart", 0) { KnownTokens = changed }]).Single();
        Assert.Equal(greedy.SkipLast(1), other.SkipLast(1));
        Assert.True(other[^1] < greedy[^1]);
    }

    [Fact]
    public void Probabilities_do_not_depend_on_what_is_computed_with_them()
    {
        using var model = TinyModel.Load();
        var requests = Enumerable.Range(0, 20).Select(number => new GenerationRequest($"{number} cats", 0)
        {
            KnownTokens = [.. Enumerable.Range(0, model.Info.TokenRows * model.Info.TokenColumns).Select(place => (place * 31 + number * 7) % model.Info.CodebookSize)],
        }).ToArray();
        var together = model.LogProbabilities(requests).ToArray();
        Assert.Equal(requests.Length, together.Length);
        foreach (var (request, probabilities) in requests.Zip(together))
        {
            var alone = model.LogProbabilities([request]).Single();
            for (var place = 0; place < alone.Count; place++)
                Assert.Equal(alone[place], probabilities[place], tolerance: 1e-4);
        }
    }

    [Fact]
    public void The_likelihood_of_an_image_is_that_of_its_tokens()
    {
        using var model = TinyModel.Load();
        using var image = model.Generate("a red heart", 1, Greedy).Image;
        var tokens = model.EncodeImage(image);
        Assert.Equal(model.LogProbabilities([new("a cat", 0) { KnownTokens = tokens }]).Single().Sum(), model.LogLikelihood("a cat", image));
        Assert.NotEqual(model.LogLikelihood("a cat", image), model.LogLikelihood("a dog", image));
    }

    [Fact]
    public void What_has_no_probability_is_told()
    {
        using var model = TinyModel.Load();
        using var features = DalleModel.Load(TinyFeatures.Path);
        int[] tokens = [.. new int[model.Info.TokenRows * model.Info.TokenColumns]];
        Assert.Contains("KnownTokens", Assert.Throws<ArgumentException>(() => model.LogProbabilities([new("a cat", 0)])).Message, StringComparison.Ordinal);
        Assert.Contains("KnownTokens", Assert.Throws<ArgumentException>(() => model.LogProbabilities([new("a cat", 0) { KnownTokens = [-1, .. tokens[1..]] }])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => model.LogProbabilities([new("a cat", 0) { KnownTokens = [1] }]));
        using var image = model.DecodeTokens(tokens);
        Assert.Contains("neither encodes nor decodes images", Assert.Throws<NotSupportedException>(() => features.LogLikelihood("a cat", image)).Message, StringComparison.Ordinal);
        Assert.Throws<OperationCanceledException>(() => model.LogLikelihood("a cat", image, new CancellationToken(canceled: true)));
    }
}
