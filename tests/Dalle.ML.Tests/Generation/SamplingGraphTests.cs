using Dalle.ML.Bundles;
using Dalle.ML.Runtime;

namespace Dalle.ML.Tests.Generation;

/// <summary>A transformer that samples by itself, as on a GPU, samples what the sampler samples from its logits.</summary>
public sealed class SamplingGraphTests : IDisposable
{
    private static readonly string[] Prompts = ["a red apple", "", "a red apple", "two blue cats on a green background"];

    private readonly SamplerHarness _inGraph = new(Bundle.Open(DalleModel.DefaultPath), isInGraph: true);
    private readonly SamplerHarness _onHost = new(Bundle.Open(DalleModel.DefaultPath), isInGraph: false);

    public void Dispose()
    {
        _inGraph.Dispose();
        _onHost.Dispose();
    }

    [Theory]
    [InlineData(1, 0, 0, 1)]
    [InlineData(1, 1, 1, 1)]
    [InlineData(3, 0, 0, 1)]
    [InlineData(1, 1, 0, 1)]
    [InlineData(2, 2, 0, 1)]
    [InlineData(1, 2, 50, 1)]
    [InlineData(1, 2, 0, 0.9)]
    [InlineData(2, 2, 0, 0.0001)]
    [InlineData(2.5, 1.5, 300, 0.95)]
    [InlineData(1, 1, 100000, 1)]
    public void Samples_the_same_tokens(float guidance, float temperature, int topK, float topP)
    {
        var filters = new SamplingParameters(guidance, temperature, topK, topP);
        var expected = _onHost.Generate(Prompts, filters);
        Assert.Equal(expected, _inGraph.Generate(Prompts, filters));
        Assert.NotEqual(expected[0], expected[1]);
        if (!filters.IsGreedy && topP > 0.5)
            Assert.NotEqual(expected[0], expected[2]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Given_tokens_are_kept(float guidance)
    {
        int[] kept = [.. Enumerable.Range(0, 256).Select(i => i is 0 or 255 || i % 3 == 1 ? 7 * i : -1)];
        var filters = new SamplingParameters(guidance, Temperature: 1.5f);
        var tokens = _inGraph.Generate(Prompts, filters, kept);
        Assert.Equal(_onHost.Generate(Prompts, filters, kept), tokens);
        Assert.All(tokens, image => Assert.All(image.Zip(kept), pair => Assert.True(pair.Second is -1 || pair.First == pair.Second)));
    }

    [Fact]
    public void Progress_shows_the_sampled_tokens_and_ends_with_all_of_them()
    {
        List<int[]> shown = [];
        var tokens = _inGraph.Generate(Prompts[..2], new SamplingParameters(), report: (range, generated) =>
        {
            Assert.Equal(0..2, range);
            shown.Add(generated.ToArray());
        });
        Assert.True(shown.Count > 3);
        Assert.All(shown, generated => Assert.Equal(tokens[0][..generated.Length], generated));
        Assert.Equal(256, shown[^1].Length);
    }

    [Fact]
    public void Cancellation_stops_it_between_two_tokens()
    {
        using var stop = new CancellationTokenSource();
        var most = 0;
        Assert.Throws<OperationCanceledException>(() => _inGraph.Generate(Prompts[..1], new SamplingParameters(), report: (_, generated) =>
        {
            most = generated.Length;
            stop.Cancel();
        }, cancellationToken: stop.Token));
        Assert.Equal(1, most);
    }
}
