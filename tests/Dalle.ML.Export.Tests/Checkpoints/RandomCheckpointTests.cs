using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Tests.Checkpoints;

public sealed class RandomCheckpointTests
{
    [Fact]
    public void Weights_are_a_function_of_seed_and_name()
    {
        using RandomCheckpoint first = new(seed: 1), again = new(seed: 1), other = new(seed: 2);
        var weight = first.Read("a.weight", 3, 5).Values;
        Assert.Equal(weight, again.Read("a.weight", 3, 5).Values);
        Assert.NotEqual(weight, again.Read("b.weight", 3, 5).Values);
        Assert.NotEqual(weight, other.Read("a.weight", 3, 5).Values);
        Assert.Equal(weight[^1], first.Subtree("a.").Read("weight", 15).Values[14]);
        Assert.True(first.Contains("anything"));
        Assert.Throws<NotSupportedException>(() => first.Read("a.weight").Values);
    }

    [Fact]
    public void Weights_are_about_normal_and_of_the_deviation_asked_for()
    {
        using var checkpoint = new RandomCheckpoint(seed: 7, deviation: 0.5f);
        var values = checkpoint.Read("large", 1000, 1001).Values;
        Assert.InRange(values.Average(), -0.005, 0.005);
        Assert.InRange(Math.Sqrt(values.Average(value => (double)value * value)), 0.495, 0.505);
        Assert.InRange(values.Count(value => MathF.Abs(value) < 0.5f) / 1001000.0, 0.66, 0.70);
        Assert.True(values.Distinct().Count() > 900);
    }
}
