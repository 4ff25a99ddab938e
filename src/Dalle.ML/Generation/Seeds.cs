namespace Dalle.ML.Generation;

/// <summary>
/// Derives seeds from one seed. The first of a series is the seed itself, so that any image can be generated again alone from the seed
/// that was reported for it. Derived seeds are below 2⁵³, so that they survive JSON and other places where numbers are floating-point.
/// </summary>
internal static class Seeds
{
    // Different words keep the candidates of one image apart from the other images of the same seed.
    private const uint ImageDomain = 0x696D6167;
    private const uint CandidateDomain = 0x63616E64;

    private const int Bits = 53;

    /// <summary>Seed of the n-th image of a prompt.</summary>
    public static ulong OfImage(ulong seed, int image) => Derive(seed, image, ImageDomain);

    /// <summary>Seed of the n-th candidate for an image.</summary>
    public static ulong OfCandidate(ulong seed, int candidate) => Derive(seed, candidate, CandidateDomain);

    /// <summary>A seed for whoever gives none.</summary>
    public static ulong Random() => (ulong)System.Random.Shared.NextInt64(1L << Bits);

    private static ulong Derive(ulong seed, int index, uint domain)
    {
        if (index == 0)
            return seed;
        var (a, b, _, _) = Philox.Block(((uint)index, domain, 0, 0), ((uint)seed, (uint)(seed >> 32)));
        return (a | (ulong)b << 32) >> (64 - Bits);
    }
}
