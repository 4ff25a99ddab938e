namespace Dalle.ML.Generation.Autoregressive;

/// <summary>
/// One image to generate: the ids of its prompt, the ids for guidance, its seed, the known image tokens, −1 where
/// a token is to be sampled, and what cancels it alone.
/// </summary>
internal readonly record struct Sequence(
    long[] Prompt, long[] Unconditional, ulong Seed, IReadOnlyList<int>? KnownTokens, CancellationToken CancellationToken = default)
{
    /// <summary>The uniform number in [0, 1) that selects a token.</summary>
    public double Uniform(int step) => Philox.Uniform(Seed, (uint)step);

    /// <summary>The known image token of a step, −1 if it is to be sampled.</summary>
    public int KnownToken(int step) => KnownTokens is null ? -1 : KnownTokens[step];
}
