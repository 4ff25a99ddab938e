namespace Dalle.ML;

/// <summary>
/// How far a generation is. Several candidates are drawn at once; row and candidate are those of the first one in flight. A value, since one
/// is made at each token.
/// </summary>
public readonly record struct GenerationProgress
{
    /// <summary>The image in work, from 0.</summary>
    public required int Image { get; init; }

    /// <summary>Number of images asked for.</summary>
    public required int Images { get; init; }

    /// <summary>The candidate in work, from 0, the first of those that are drawn.</summary>
    public required int Candidate { get; init; }

    /// <summary>Number of candidates an image that are drawn.</summary>
    public required int Candidates { get; init; }

    /// <summary>Number of tokens drawn of each image in flight.</summary>
    public required int Step { get; init; }

    /// <summary>
    /// The codes so far of the candidate in work, <see cref="Step"/> of them, for previews. They are valid while the report is handled.
    /// </summary>
    public required ReadOnlyMemory<int> Tokens { get; init; }

    /// <summary>Number of tokens an image has.</summary>
    public required int Steps { get; init; }

    /// <summary>Share of all tokens drawn so far, 0 to 1.</summary>
    public required double Fraction { get; init; }

    /// <summary>Time since the generation began.</summary>
    public required TimeSpan Elapsed { get; init; }
}
