namespace Dalle.ML.Transforms;

/// <summary>
/// Which vectors of candidates become rows. The scores or the seeds determine the number of candidates: one of the two is needed.
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

    /// <summary>Name of the column to make with the zero-based index of the candidate in the vectors, Int32.</summary>
    public string CandidateColumnName { get; init; } = "Candidate";

    /// <summary>Name of the column to make with the candidate's score, Single, if there is a column of scores.</summary>
    public string ScoreColumnName { get; init; } = "Score";

    /// <summary>Name of the column to make with the candidate's seed, UInt64, if there is a column of seeds.</summary>
    public string SeedColumnName { get; init; } = "Seed";

    /// <summary>Name of the column to make with the candidate's tokens, Int32 [tokens], if there is a column of tokens.</summary>
    public string TokensColumnName { get; init; } = "Tokens";

    /// <summary>Name of the image column to make, if there is a column of pixels; a candidate whose pixels are all zero has no image.</summary>
    public string ImageColumnName { get; init; } = "Image";
}
