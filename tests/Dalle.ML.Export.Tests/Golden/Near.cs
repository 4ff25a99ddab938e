namespace Dalle.ML.Export.Tests.Golden;

/// <summary>How far a result may be from its reference.</summary>
internal static class Near
{
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

    /// <summary>To one grey level; pixels are in 0..1.</summary>
    /// <param name="expected">The reference.</param>
    /// <param name="actual">The result.</param>
    /// <param name="what">What they are.</param>
    /// <param name="part">The part of all values that must be so near.</param>
    public static void Pixels(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what, double part = 1)
    {
        Assert.Equal(expected.Length, actual.Length);
        var differences = new float[expected.Length];
        for (var i = 0; i < expected.Length; i++)
            differences[i] = MathF.Abs(expected[i] - actual[i]);
        Array.Sort(differences);
        var difference = differences[(int)(part * differences.Length) - 1];
        Assert.True(difference <= 1f / 255, $"{what} differ by {difference * 255} grey levels");
    }
}
