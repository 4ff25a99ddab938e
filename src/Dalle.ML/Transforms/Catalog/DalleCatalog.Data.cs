using Dalle.ML.Transforms;
using Dalle.ML.Transforms.Candidates;

namespace Microsoft.ML;

// Candidates as rows of a view.
public static partial class DalleCatalog
{
    /// <summary>
    /// Makes a row of each candidate of each row: the columns of the row, then the candidate's number, score, seed, and image.
    /// </summary>
    /// <remarks>
    /// Every read of an image makes a new one, which is the reader's to dispose. ML.NET's Cache and ShuffleRows leave columns of images out
    /// without a word.
    /// </remarks>
    /// <param name="catalog">The data operations' catalog.</param>
    /// <param name="input">A view with candidates in vectors, as DalleGenerate makes them. Nothing of it is read before it is asked for.</param>
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

    /// <summary>Makes a row of each candidate of each row: the columns of the row, then those of the candidate.</summary>
    /// <param name="catalog">The data operations' catalog.</param>
    /// <param name="input">A view with candidates in vectors. Nothing of it is read before it is asked for.</param>
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
    /// Orders the rows of each group by falling scores and keeps the best. Rows of one group follow one another, as ML.NET's rankers have it
    /// too. The rows of one group are held in memory, with the columns that are read.
    /// </summary>
    /// <param name="catalog">The data operations' catalog.</param>
    /// <param name="input">A view with scored candidates, one a row.</param>
    /// <param name="groupColumnName">Name of the column that is the same for the candidates of a group, such as the prompt: text, a number or a key.</param>
    /// <param name="scoreColumnName">Name of the column of scores, Single, as ClipScore makes it. Not-a-number comes last.</param>
    /// <param name="topK">Number of rows of a group that are kept, 1 or more; all if null.</param>
    /// <param name="rankColumnName">Name of the column to make with the place in the group, Int32, from 0.</param>
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
