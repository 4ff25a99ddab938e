namespace Dalle.ML;

/// <summary>
/// How an image token is sampled from the transformer's logits, in this order: guidance, temperature, top-k, top-p. Null means the
/// bundle's default.
/// </summary>
public sealed record SamplingOptions
{
    private readonly float? _temperature;
    private readonly float? _guidanceScale;
    private readonly int? _topK;
    private readonly float? _topP;

    /// <summary>Divisor of the logits, 0 or more. Lower values are safer and vary less; 0 always takes the most likely token.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or not finite.</exception>
    public float? Temperature
    {
        get => _temperature;
        init => _temperature = Check(value, value is null or (>= 0 and <= float.MaxValue), "0 or more");
    }

    /// <summary>
    /// Scale s of classifier-free guidance, u + s · (c − u), where c are the logits with the prompt and u those without (Ho and Salimans
    /// 2022). 1 means no guidance and takes half the time.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not finite.</exception>
    public float? GuidanceScale
    {
        get => _guidanceScale;
        init => _guidanceScale = Check(value, value is null || float.IsFinite(value.Value), "a finite number");
    }

    /// <summary>Samples from the k most likely tokens, including ties with the k-th. 0 keeps all, 1 is greedy.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative.</exception>
    public int? TopK
    {
        get => _topK;
        init => _topK = Check(value, value is null or >= 0, "0 or more");
    }

    /// <summary>
    /// Samples from the most likely tokens that together reach this probability, above 0 and at most 1 (nucleus sampling, Holtzman
    /// et al. 2019). 1 keeps all.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not in that range.</exception>
    public float? TopP
    {
        get => _topP;
        init => _topP = Check(value, value is null or (> 0 and <= 1), "above 0 and at most 1");
    }

    private static T Check<T>(T value, bool isValid, string range, [System.Runtime.CompilerServices.CallerMemberName] string? name = null) =>
        isValid ? value : throw new ArgumentOutOfRangeException(name, value, $"{name} must be {range}.");
}
