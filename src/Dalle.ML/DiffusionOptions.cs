using System.Runtime.CompilerServices;

namespace Dalle.ML;

/// <summary>
/// How a DALL·E 2 model samples: steps of its networks and guidance of its prior. Null means the bundle's default. A model that samples image
/// tokens refuses whatever is set here.
/// </summary>
public sealed record DiffusionOptions
{
    internal const int MaxSteps = 10_000;

    private readonly int? _priorSteps;
    private readonly int? _decoderSteps;
    private readonly int? _upsamplerSteps;
    private readonly float? _priorGuidance;

    /// <summary>Steps from the text to the image embedding, at most as many as the model was trained with.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not between 1 and 10000.</exception>
    public int? PriorSteps
    {
        get => _priorSteps;
        init => _priorSteps = CheckSteps(value);
    }

    /// <summary>Steps from the image embedding to the first, small image, at most as many as the model was trained with.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not between 1 and 10000.</exception>
    public int? DecoderSteps
    {
        get => _decoderSteps;
        init => _decoderSteps = CheckSteps(value);
    }

    /// <summary>Steps of each network that makes the image larger, at most as many as it was trained with.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not between 1 and 10000.</exception>
    public int? UpsamplerSteps
    {
        get => _upsamplerSteps;
        init => _upsamplerSteps = CheckSteps(value);
    }

    /// <summary>
    /// Scale of the prior's guidance by the text; 1 for none. That of the decoder is <see cref="SamplingOptions.GuidanceScale"/>.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not finite.</exception>
    public float? PriorGuidance
    {
        get => _priorGuidance;
        init => _priorGuidance = value is null || float.IsFinite(value.Value)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(PriorGuidance), value, "PriorGuidance must be a finite number.");
    }

    /// <summary>Whether networks whose steps are not set take the smaller number that the bundle names for speed, where it names one.</summary>
    public bool IsFast { get; init; }

    private static int? CheckSteps(int? value, [CallerMemberName] string? name = null) => value is null or (>= 1 and <= MaxSteps)
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} must be between 1 and {MaxSteps}.");
}
