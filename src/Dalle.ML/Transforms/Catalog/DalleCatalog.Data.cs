using Dalle.ML.Transforms;
using Dalle.ML.Transforms.Candidates;

namespace Microsoft.ML;

// Candidates as rows of a view.
public static partial class DalleCatalog
{
    /// <summary>
    /// Makes one row for each candidate of each row: the columns of the row, then the candidate's number, score, seed, and image.
    /// </summary>
    /// <remarks>
    /// Each read of an image returns a new one, which the reader must dispose. Cache and ShuffleRows of ML.NET drop image columns
    /// without a warning.
    /// </remarks>
    /// <param name="catalog">The data operations' catalog.</param>
    /// <param name="input">A view with candidates in vectors, as DalleGenerate makes them. It is read lazily.</param>
    /// <param name="inputScoresColumnName">Name of the column with the candidates' scores.</param>
    /// <param name="inputSeedsColumnName">Name of the column with the candidates' seeds; none if null.</param>
    /// <param name="inputImagesColumnName">Name of the column with the candidates' pixels; none if null.</param>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type.</exception>
    /// <example><code source="../../../../samples/UnrollCandidatesSample.cs" region="Sample" language="csharp"/></example>
    public static IDataView UnrollCandidates(
        this DataOperationsCatalog catalog, IDataView input, string inputScoresColumnName, string? inputSeedsColumnName = null,
        string? inputImagesColumnName = null) =>
        catalog.UnrollCandidates(input, new UnrollCandidatesOptions
        {
            InputScoresColumnName = inputScoresColumnName,
            InputSeedsColumnName = inputSeedsColumnName,
            InputImagesColumnName = inputImagesColumnName,
        });

    /// <summary>Makes one row for each candidate of each row: the columns of the row, then those of the candidate.</summary>
    /// <param name="catalog">The data operations' catalog.</param>
    /// <param name="input">A view with candidates in vectors. It is read lazily.</param>
    /// <param name="options">Columns.</param>
    /// <exception cref="ArgumentException">Neither scores nor seeds are given.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type.</exception>
    public static IDataView UnrollCandidates(this DataOperationsCatalog catalog, IDataView input, UnrollCandidatesOptions options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(options);
        return new UnrolledDataView(input, options);
    }

    /// <summary>
    /// Orders the rows of each group by descending scores and keeps the best. The rows of a group must be adjacent, as for the rankers of ML.NET.
    /// The rows of one group are held in memory, with the columns that are read.
    /// </summary>
    /// <param name="catalog">The data operations' catalog.</param>
    /// <param name="input">A view with scored candidates, one per row.</param>
    /// <param name="groupColumnName">Name of the column that is the same for the candidates of a group, such as the prompt: text, a number or a key.</param>
    /// <param name="scoreColumnName">Name of the column of scores, Single, as ClipScore makes it. Not-a-number comes last.</param>
    /// <param name="topK">Number of rows to keep per group, 1 or more; all if null.</param>
    /// <param name="rankColumnName">Name of the column to make with the zero-based rank in the group, Int32.</param>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type, or <paramref name="topK"/> is less than 1.</exception>
    /// <example><code source="../../../../samples/RankCandidatesSample.cs" region="Sample" language="csharp"/></example>
    public static IDataView RankCandidates(
        this DataOperationsCatalog catalog, IDataView input, string groupColumnName, string scoreColumnName = "Score", int? topK = null,
        string rankColumnName = "Rank")
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(input);
        if (topK is { } count)
            ArgumentOutOfRangeException.ThrowIfLessThan(count, 1, nameof(topK));
        return new RankedDataView(input, scoreColumnName, groupColumnName, topK ?? int.MaxValue, rankColumnName);
    }
}
