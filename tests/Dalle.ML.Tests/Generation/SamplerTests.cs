using Dalle.ML.Generation.Autoregressive;

namespace Dalle.ML.Tests.Generation;

public sealed class SamplerTests
{
    // Probabilities 0.5, 0.25, 0.125, 0.125 at temperature 1.
    private static readonly float[] Logits = [MathF.Log(4), MathF.Log(2), 0, 0];

    [Fact]
    public void Samples_tokens_in_proportion_to_their_probabilities()
    {
        var sampler = new Sampler(4, temperature: 1, topK: 0, topP: 1);
        Assert.Equal([0, 0, 1, 2, 3], new[] { 0.0, 0.49, 0.51, 0.76, 0.999999 }.Select(uniform => sampler.Sample(Logits, uniform)));
    }

    [Theory]
    [InlineData(0f, 0)]
    [InlineData(1f, 1)]
    public void Temperature_zero_and_top_one_take_the_likeliest(float temperature, int topK) =>
        Assert.Equal(0, new Sampler(4, temperature, topK, topP: 1).Sample(Logits, 0.999));

    [Fact]
    public void Temperature_divides_the_logits()
    {
        var halved = new Sampler(4, temperature: 0.5f, topK: 0, topP: 1).Probabilities(Logits).ToArray();
        Assert.Equal(4, halved[0] / halved[1], precision: 4);
    }

    [Theory]
    [InlineData(1e-3f)]
    [InlineData(1e-30f)]
    [InlineData(1e-40f)]
    public void A_low_temperature_is_greedy_however_large_the_logits(float temperature)
    {
        float[] logits = [40, 50, 49, -1000];
        var sampler = new Sampler(4, temperature, topK: 0, topP: 1);
        Assert.Equal([1, 1, 1], new[] { 0, 0.5, 0.999999 }.Select(uniform => sampler.Sample(logits, uniform)));
        Assert.All(new Sampler(4, temperature: 1, topK: 0, topP: 0.9f).Probabilities([1000, 999, 998, -1000]).ToArray(), probability => Assert.True(float.IsFinite(probability)));
    }

    [Fact]
    public void Top_k_keeps_what_ties_with_the_last()
    {
        var probabilities = new Sampler(4, temperature: 1, topK: 3, topP: 1).Probabilities(Logits).ToArray();
        Assert.All(probabilities, probability => Assert.True(probability > 0));
        Assert.Equal(2, new Sampler(4, temperature: 1, topK: 2, topP: 1).Probabilities(Logits).ToArray().Count(probability => probability > 0));
    }

    [Theory]
    [InlineData(0.01f, 1)]
    [InlineData(0.5f, 1)]
    [InlineData(0.51f, 2)]
    [InlineData(0.75f, 2)]
    [InlineData(0.76f, 3)]
    [InlineData(0.88f, 4)]
    [InlineData(1f, 4)]
    public void Top_p_keeps_the_likeliest_that_reach_it(float topP, int kept) =>
        Assert.Equal(kept, new Sampler(4, temperature: 1, topK: 0, topP).Probabilities(Logits).ToArray().Count(probability => probability > 0));

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100)]
    [InlineData(999)]
    public void Filters_keep_what_sorting_would_keep(int topK)
    {
        // Few different values, so that ties are everywhere.
        var random = new Random(topK);
        float[] logits = [.. Enumerable.Range(0, 1000).Select(_ => random.Next(60) / 8f)];
        var edge = logits.OrderDescending().ElementAt(topK - 1);
        Assert.Equal(logits.Select(logit => logit >= edge), KnownTokens(new Sampler(1000, temperature: 1, topK, topP: 1)));

        var topP = topK / 1000f;
        var weights = logits.Select(logit => Math.Exp(logit)).ToArray();
        var (sum, kept) = (0.0, new bool[weights.Length]);
        foreach (var token in Enumerable.Range(0, weights.Length).OrderByDescending(token => weights[token]).TakeWhile(_ => sum < topP * weights.Sum()))
            (sum, kept[token]) = (sum + weights[token], true);
        Assert.Equal(kept, KnownTokens(new Sampler(1000, temperature: 1, topK: 0, topP)));

        IEnumerable<bool> KnownTokens(Sampler sampler) => sampler.Probabilities(logits).ToArray().Select(probability => probability > 0);
    }

    [Fact]
    public void Of_equals_top_p_keeps_the_first()
    {
        var probabilities = new Sampler(4, temperature: 1, topK: 0, topP: 0.76f).Probabilities(Logits).ToArray();
        Assert.True(probabilities[2] > 0);
        Assert.Equal(0, probabilities[3]);
    }

    [Fact]
    public void Filtered_tokens_are_never_sampled()
    {
        float[] logits = [5, 1, 5, 1];
        var sampler = new Sampler(4, temperature: 1, topK: 2, topP: 1);
        Assert.Equal([0, 0, 2, 2], new[] { 0.0, 0.499, 0.501, Math.BitDecrement(1.0) }.Select(uniform => sampler.Sample(logits, uniform)));
    }

    [Theory]
    [InlineData(1f, 3f)]
    [InlineData(0f, 1f)]
    [InlineData(2f, 5f)]
    public void Guidance_moves_from_unconditional_to_conditional_and_beyond(float scale, float expected)
    {
        float[] logits = [3];
        Sampler.ApplyGuidance(logits, [1], scale);
        Assert.Equal(expected, logits[0]);
    }

    [Fact]
    public void Options_out_of_range_are_refused_by_name()
    {
        Assert.Equal("Temperature", Assert.Throws<ArgumentOutOfRangeException>(() => new SamplingOptions { Temperature = -1 }).ParamName);
        Assert.Equal("TopK", Assert.Throws<ArgumentOutOfRangeException>(() => new SamplingOptions { TopK = -1 }).ParamName);
        Assert.Equal("TopP", Assert.Throws<ArgumentOutOfRangeException>(() => new SamplingOptions { TopP = 0 }).ParamName);
        Assert.Equal("GuidanceScale", Assert.Throws<ArgumentOutOfRangeException>(() => new SamplingOptions { GuidanceScale = float.NaN }).ParamName);
        Assert.Equal("Candidates", Assert.Throws<ArgumentOutOfRangeException>(() => new GenerationOptions { Candidates = 513 }).ParamName);
    }
}
