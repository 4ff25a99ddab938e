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

    /// <summary>To one grey level, but for rounding; pixels are in 0..1.</summary>
    public static void Pixels(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        var difference = 0f;
        for (var i = 0; i < expected.Length; i++)
            difference = MathF.Max(difference, MathF.Abs(expected[i] - actual[i]));
        Assert.True(difference <= 1.001f / 255, $"{what} differ by {difference * 255} grey levels");
    }
}
