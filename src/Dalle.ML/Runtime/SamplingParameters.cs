namespace Dalle.ML.Runtime;

/// <summary>How logits are processed before a token is sampled, in the order of the parameters.</summary>
/// <param name="Guidance">Scale of classifier-free guidance; 1 means no guidance.</param>
/// <param name="Temperature">Divisor of the logits; 0 takes the most likely token.</param>
/// <param name="TopK">Number of tokens to keep; 0 keeps all.</param>
/// <param name="TopP">Probability that the kept tokens reach; 1 keeps all.</param>
internal readonly record struct SamplingParameters(float Guidance = 1, float Temperature = 1, int TopK = 0, float TopP = 1)
{
    public bool IsGuided => Guidance != 1;

    /// <summary>Whether the most likely token is taken, so that nothing is sampled.</summary>
    public bool IsGreedy => Temperature == 0 || TopK == 1;
}
