namespace Dalle.ML.Transforms;

/// <summary>Options shared by components that generate images.</summary>
public abstract record ImageGenerationOptions : GenerationComponentOptions
{
    private protected ImageGenerationOptions()
    {
    }

    /// <summary>Name of the image column to make.</summary>
    public string OutputColumnName { get; init; } = "Image";

    /// <summary>Name of a column to make with the seed, UInt64, that generates the row's image again; none if null.</summary>
    public string? SeedColumnName { get; init; }

    /// <summary>Name of a column to make with the image's tokens, Int32 [token rows, token columns]; none if null.</summary>
    public string? TokensColumnName { get; init; }

    /// <summary>Name of a column to make with the CLIP score, Single, not-a-number if the model has no CLIP; none if null.</summary>
    public string? ScoreColumnName { get; init; }

    /// <summary>
    /// Name of a column to make with the perplexity of the image's tokens, Single, lower is better; none if null. It needs
    /// <see cref="GenerationOptions.RankBy"/> to be by perplexity or by both.
    /// </summary>
    public string? PerplexityColumnName { get; init; }

    /// <summary>Name of a column to make with the tokens of all candidates, best first, Int32 [candidates · tokens]; none if null.</summary>
    public string? CandidateTokensColumnName { get; init; }

    /// <summary>Name of a column to make with the CLIP scores of all candidates, best first, Single [candidates]; none if null.</summary>
    public string? CandidateScoresColumnName { get; init; }

    /// <summary>Name of a column to make with the seeds that generate the candidates alone, best first, UInt64 [candidates]; none if null.</summary>
    public string? CandidateSeedsColumnName { get; init; }

    /// <summary>
    /// Name of a column to make with the pixels of all candidates, best first, in the model's size, Byte [candidates · height · width · 4];
    /// none if null. Each pixel has blue, green, red and alpha, as <see cref="Microsoft.ML.Data.MLImage.Pixels"/> has them.
    /// </summary>
    public string? CandidateImagesColumnName { get; init; }

    internal bool WantsCandidates =>
        (CandidateTokensColumnName ?? CandidateScoresColumnName ?? CandidateSeedsColumnName ?? CandidateImagesColumnName) is not null;
}
