namespace Dalle.ML.Generation.Autoregressive;

/// <summary>
/// One image to generate: the ids of its prompt, those that guidance is measured against, its seed, and the image tokens that are known, −1 where
/// one is to be sampled.
/// </summary>
internal readonly record struct Sequence(long[] Prompt, long[] Unconditional, ulong Seed, IReadOnlyList<int>? KnownTokens)
{
    /// <summary>The uniform number in [0, 1) that decides on a token.</summary>
    public double Uniform(int step) => Philox.Uniform(Seed, (uint)step);

    /// <summary>The known image token of a step, −1 if it is to be sampled.</summary>
    public int KnownToken(int step) => KnownTokens is null ? -1 : KnownTokens[step];
}
