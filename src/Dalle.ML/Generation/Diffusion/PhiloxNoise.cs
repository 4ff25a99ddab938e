namespace Dalle.ML.Generation.Diffusion;

/// <summary>Gaussian noise from Philox by the method of Box and Muller: every element depends on seed, key and its place, and on nothing else.</summary>
internal sealed class PhiloxNoise : INoiseSource
{
    // Keeps these numbers apart from seeds and from those that sample tokens.
    private const uint Domain = 0x6E6F6973;

    private const int MaxPasses = 1024;
    private const int MaxUses = 8;

    public void Fill(ulong seed, NoiseKey noise, Span<float> values)
    {
        var key = ((uint)seed, (uint)(seed >> 32));
        var (step, use) = ((uint)(noise.Step * MaxPasses + noise.Pass), (uint)(noise.Stage * MaxUses + (int)noise.Use));
        Span<float> four = stackalloc float[4];
        for (var i = 0; i < values.Length; i += four.Length)
        {
            var (a, b, c, d) = Philox.Block(((uint)(i / four.Length), step, use, Domain), key);
            (four[0], four[1]) = Pair(a, b);
            (four[2], four[3]) = Pair(c, d);
            four[..Math.Min(four.Length, values.Length - i)].CopyTo(values[i..]);
        }
    }

    private static (float, float) Pair(uint a, uint b)
    {
        const double Words = 1L << 32;
        var radius = Math.Sqrt(-2 * Math.Log((a + 1.0) / Words));
        var (sine, cosine) = Math.SinCos(b / Words * Math.Tau);
        return ((float)(radius * cosine), (float)(radius * sine));
    }
}
