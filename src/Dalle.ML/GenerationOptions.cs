namespace Dalle.ML;

/// <summary>How images are generated. Null means the bundle's default.</summary>
public sealed record GenerationOptions
{
    /// <summary>Maximum number of candidates for one image, as many as the DALL·E paper re-ranks.</summary>
    public const int MaxCandidates = 512;

    private readonly int? _candidates;
    private readonly int _firstCandidate;

    /// <summary>
    /// Candidates generated for each image, 1 to <see cref="MaxCandidates"/>; the best by <see cref="RankBy"/> is kept. More than one needs
    /// a bundle with CLIP, or a rank by perplexity.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not in that range.</exception>
    public int? Candidates
    {
        get => _candidates;
        init => _candidates = value is null or (>= 1 and <= MaxCandidates)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(Candidates), value, $"Candidates must be between 1 and {MaxCandidates}.");
    }

    /// <summary>
    /// Number of the first candidate, 0 or more. A candidate does not depend on the others: of 512, one run may generate 0 to 255,
    /// and another those from 256 on.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative, or leaves no numbers for <see cref="MaxCandidates"/>.</exception>
    public int FirstCandidate
    {
        get => _firstCandidate;
        init => _firstCandidate = value is >= 0 and <= int.MaxValue - MaxCandidates
            ? value
            : throw new ArgumentOutOfRangeException(nameof(FirstCandidate), value, $"FirstCandidate must be between 0 and {int.MaxValue - MaxCandidates}.");
    }

    /// <summary>Which candidate is the best. Perplexities are for models that sample image tokens.</summary>
    public RankBy RankBy { get; init; }

    /// <summary>How tokens are sampled.</summary>
    public SamplingOptions Sampling { get; init; } = new();

    /// <summary>Steps and guidance of the networks of a DALL·E 2 model.</summary>
    public DiffusionOptions Diffusion { get; init; } = new();
}
