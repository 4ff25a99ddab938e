namespace Dalle.ML.Generation.Autoregressive;

/// <summary>
/// One image to draw: the ids of its prompt, those that guidance is measured against, the seed of its draws, and the codes that are given,
/// −1 where there is none.
/// </summary>
internal readonly record struct Sequence(long[] Prompt, long[] Unconditional, ulong Seed, IReadOnlyList<int>? KnownTokens)
{
    /// <summary>The number of the unit interval that decides on a token.</summary>
    public double Uniform(int step) => Philox.Uniform(Seed, (uint)step);

    /// <summary>The code that is given for a token, −1 if it is to be drawn.</summary>
    public int KnownToken(int step) => KnownTokens is null ? -1 : KnownTokens[step];
}
