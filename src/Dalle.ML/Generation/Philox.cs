namespace Dalle.ML.Generation;

/// <summary>
/// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): a random number is a function of a seed and a
/// counter, so that a sampled token does not depend on earlier tokens, on other rows or on the batch.
/// </summary>
internal static class Philox
{
    private const int Rounds = 10;

    /// <summary>The uniform number in [0, 1) of a step, with 53 random bits.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="step">The step.</param>
    /// <param name="domain">Keeps apart what one seed is used for; 0 for image tokens.</param>
    public static double Uniform(ulong seed, uint step, uint domain = 0)
    {
        var (a, b, _, _) = Block((step, domain, 0, 0), ((uint)seed, (uint)(seed >> 32)));
        return ((a >> 5) * (double)(1 << 26) + (b >> 6)) / (1L << 53);
    }

    /// <summary>One block of four random words.</summary>
    public static (uint, uint, uint, uint) Block((uint A, uint B, uint C, uint D) counter, (uint A, uint B) key)
    {
        for (var round = 0; round < Rounds; round++)
        {
            var left = (ulong)counter.A * 0xD2511F53;
            var right = (ulong)counter.C * 0xCD9E8D57;
            counter = ((uint)(right >> 32) ^ counter.B ^ key.A, (uint)right, (uint)(left >> 32) ^ counter.D ^ key.B, (uint)left);
            key = (key.A + 0x9E3779B9, key.B + 0xBB67AE85);
        }
        return counter;
    }
}
