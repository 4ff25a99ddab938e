using Dalle.ML.Generation.Autoregressive;
using FsCheck;
using FsCheck.Fluent;

namespace Dalle.ML.Tests.Generation;

public sealed class SamplerProperties
{
    // Multiples of an eighth: ties are everywhere, and no division by the temperature rounds.
    private static readonly Gen<Case> Cases =
        from size in Gen.Choose(2, 80)
        from eighths in Gen.Choose(-30, 30).ArrayOf(size)
        from temperature in Gen.Elements(0.5f, 1f, 2f)
        from topK in Gen.Choose(0, size + 1)
        from topP in Gen.Choose(1, 100)
        from points in Gen.Choose(0, (1 << 30) - 1).ArrayOf(8)
        select new Case(Array.ConvertAll(eighths, value => value / 8f), temperature, topK, topP / 100f, [.. points.Order().Select(point => point / (double)(1 << 30))]);

    public static IEnumerable<TheoryDataRow<int>> Runs => Property.Runs;

    [Theory]
    [MemberData(nameof(Runs))]
    public void Only_what_the_filters_keep_is_sampled_and_in_the_order_of_the_tokens(int runs) => Property.Holds(Cases, runs, input =>
    {
        var sampler = input.Sampler();
        var kept = sampler.Probabilities(input.Logits).ToArray();
        var tokens = input.Uniforms.Select(uniform => sampler.Sample(input.Logits, uniform)).ToArray();
        Assert.All(tokens, token => Assert.True(kept[token] > 0));
        if (input.TopK != 1)
            Assert.Equal(tokens.Order(), tokens);
    });

    [Theory]
    [MemberData(nameof(Runs))]
    public void Top_k_keeps_the_likeliest_with_all_that_tie_with_the_last(int runs) => Property.Holds(Cases, runs, input =>
    {
        var sampler = (input with { TopP = 1 }).Sampler();
        var least = input.TopK > 0 && input.TopK < input.Logits.Length ? input.Logits.OrderDescending().ElementAt(input.TopK - 1) : float.MinValue;
        Assert.Equal(input.Logits.Select(logit => logit >= least), sampler.Probabilities(input.Logits).ToArray().Select(probability => probability > 0));
    });

    [Theory]
    [MemberData(nameof(Runs))]
    public void Top_p_keeps_no_fewer_and_no_more_than_reach_it(int runs) => Property.Holds(Cases, runs, input =>
    {
        var all = (input with { TopP = 1 }).Sampler().Probabilities(input.Logits).ToArray();
        var kept = input.Sampler().Probabilities(input.Logits).ToArray();
        var masses = all.Where((_, token) => kept[token] > 0).Order().ToArray();
        Assert.True(masses.Sum() >= input.TopP - 1e-5f);
        Assert.True(masses.Skip(1).Sum() < input.TopP + 1e-5f);
        Assert.All(all.Where((_, token) => kept[token] == 0), mass => Assert.True(mass <= masses[0]));
    });

    private sealed record Case(float[] Logits, float Temperature, int TopK, float TopP, double[] Uniforms)
    {
        public Sampler Sampler() => new(Logits.Length, Temperature, TopK, TopP);
    }
}
