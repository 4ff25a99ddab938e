namespace Dalle.ML.Export.Tests.Golden;

/// <summary>How far a result may be from its reference.</summary>
internal static class Near
{
    private const float OneLevel = 1.001f / 255;

    /// <summary>To 1e-4 of the largest value.</summary>
    public static void Values(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        var (difference, scale) = (0f, 0f);
        for (var i = 0; i < expected.Length; i++)
        {
            difference = MathF.Max(difference, MathF.Abs(expected[i] - actual[i]));
            scale = MathF.Max(scale, MathF.Abs(expected[i]));
        }
        Assert.True(difference <= 1e-4f * scale, $"{what} differ by {difference} at values up to {scale}");
    }

    /// <summary>
    /// To a difference that the rounding of the run's inputs explains where a run turns rounding into more than the tolerance: at its first
    /// timestep a network's ε is amplified 20,000 times before it is clamped, and where the estimate is not clamped the reference itself
    /// would be another on another machine. Where the run is well conditioned, the tolerance alone counts.
    /// </summary>
    /// <param name="expected">The reference.</param>
    /// <param name="tolerance">The difference, relative where values are above one.</param>
    /// <param name="what">The name of the values.</param>
    /// <param name="run">The run, of inputs that are to be rounded.</param>
    public static void Run(float[] expected, float tolerance, string what, Func<Rounding, float[]> run)
    {
        const int Runs = 6;
        var actual = run(Rounding.None);
        Assert.Equal(expected.Length, actual.Length);
        float Beyond(int i, float allowed) => (MathF.Abs(expected[i] - actual[i]) - allowed) / MathF.Max(1, MathF.Abs(expected[i]));
        if (Enumerable.Range(0, actual.Length).All(i => Beyond(i, 0) <= tolerance))
            return;
        var rounded = Enumerable.Range(1, Runs).Select(seed => run(new Rounding(seed))).ToArray();
        var worst = Enumerable.Range(0, actual.Length).Max(i => Beyond(i, 2 * rounded.Max(values => MathF.Abs(values[i] - actual[i]))));
        Assert.True(worst <= tolerance, $"{what} differ by {worst} more than rounding explains");
    }

    /// <summary>As <see cref="Run"/>, of pixels in 0..1 and to one grey level.</summary>
    public static void PixelsOfRun(float[] expected, string what, Func<Rounding, float[]> run) => Run(expected, OneLevel, what, run);

    /// <summary>To one grey level, but for rounding; pixels are in 0..1.</summary>
    public static void Pixels(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        var difference = 0f;
        for (var i = 0; i < expected.Length; i++)
            difference = MathF.Max(difference, MathF.Abs(expected[i] - actual[i]));
        Assert.True(difference <= OneLevel, $"{what} differ by {difference * 255} grey levels");
    }
}

/// <summary>Changes values as little as the rounding of a network's values may.</summary>
internal sealed class Rounding(int seed)
{
    // A tenth of what networks may differ by.
    private const float Most = 1e-5f;

    private readonly Random _random = new(seed);

    /// <summary>Leaves values as they are.</summary>
    public static Rounding None { get; } = new(0);

    public float[] Of(float[] values) =>
        this == None ? values : [.. values.Select(value => value + (2 * _random.NextSingle() - 1) * Most * MathF.Max(1, MathF.Abs(value)))];
}
