namespace Dalle.ML.Transforms;

/// <summary>
/// Which vectors of candidates become rows. The number of candidates is that of their scores or of their seeds: one of the two is needed.
/// </summary>
public sealed record UnrollCandidatesOptions
{
    /// <summary>Name of the column with the candidates' scores, Single [candidates]; null if there are none.</summary>
    public string? InputScoresColumnName { get; init; }

    /// <summary>Name of the column with the candidates' seeds, UInt64 [candidates]; null if there are none.</summary>
    public string? InputSeedsColumnName { get; init; }

    /// <summary>Name of the column with the candidates' tokens, Int32 [candidates · tokens]; null if there are none.</summary>
    public string? InputTokensColumnName { get; init; }

    /// <summary>Name of the column with the candidates' pixels, Byte [candidates · height · width · 4]; null if there are none.</summary>
    public string? InputImagesColumnName { get; init; }

    /// <summary>Width of the images in pixels; if null they are square, or follow from <see cref="ImageHeight"/>.</summary>
    public int? ImageWidth { get; init; }

    /// <summary>Height of the images in pixels; if null they are square, or follow from <see cref="ImageWidth"/>.</summary>
    public int? ImageHeight { get; init; }

    /// <summary>Name of the column to make with the candidate's place in the vectors, Int32, from 0.</summary>
    public string CandidateColumnName { get; init; } = "Candidate";

    /// <summary>Name of the column to make with the candidate's score, Single, where scores are given.</summary>
    public string ScoreColumnName { get; init; } = "Score";

    /// <summary>Name of the column to make with the candidate's seed, UInt64, where seeds are given.</summary>
    public string SeedColumnName { get; init; } = "Seed";

    /// <summary>Name of the column to make with the candidate's tokens, Int32 [tokens], where tokens are given.</summary>
    public string TokensColumnName { get; init; } = "Tokens";

    /// <summary>Name of the image column to make, where pixels are given; a candidate of nothing but zeros has no image.</summary>
    public string ImageColumnName { get; init; } = "Image";
}
