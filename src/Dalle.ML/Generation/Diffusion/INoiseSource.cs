namespace Dalle.ML.Generation.Diffusion;

/// <summary>Where the gaussian noise of an image comes from.</summary>
internal interface INoiseSource
{
    /// <summary>Fills a tensor with noise: a function of the seed and the key alone.</summary>
    void Fill(ulong seed, NoiseKey noise, Span<float> values);
}

/// <summary>One tensor of noise among those that an image is made with.</summary>
/// <param name="Stage">Number of the network: the prior is 0, its second candidate 0 too but of another <paramref name="Pass"/>.</param>
/// <param name="Use">What it is for.</param>
/// <param name="Step">The step, from 0.</param>
/// <param name="Pass">The candidate of the prior, or the repetition of a stage's step.</param>
internal readonly record struct NoiseKey(int Stage, NoiseUse Use, int Step = 0, int Pass = 0);

/// <summary>Uses of noise.</summary>
internal enum NoiseUse
{
    /// <summary>x before the first step.</summary>
    Initial,

    /// <summary>Added by a step.</summary>
    Step,

    /// <summary>Added to known pixels.</summary>
    Known,

    /// <summary>Undoes a step that is to be repeated.</summary>
    Undo,

    /// <summary>Added to the image of the stage before.</summary>
    LowResolution,
}
