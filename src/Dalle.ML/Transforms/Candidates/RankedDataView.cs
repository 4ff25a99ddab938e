using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Transforms.Candidates;

/// <summary>A view with the best rows of each group by descending score, and their ranks.</summary>
internal sealed class RankedDataView : IDataView
{
    private readonly IDataView _input;

    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type.</exception>
    public RankedDataView(IDataView input, string scoreColumnName, string groupColumnName, int topK, string rankColumnName)
    {
        (_input, TopK) = (input, topK);
        Score = input.Schema.GetColumnOrNull(scoreColumnName) is { } score && score.Type.Equals(NumberDataViewType.Single)
            ? score
            : throw new ArgumentOutOfRangeException(nameof(scoreColumnName), $"There is no column '{scoreColumnName}' of {NumberDataViewType.Single}.");
        Group = input.Schema.GetColumnOrNull(groupColumnName) is { } group && group.Type is PrimitiveDataViewType
            ? group
            : throw new ArgumentOutOfRangeException(nameof(groupColumnName), $"There is no column '{groupColumnName}' of text, numbers or keys.");
        var schema = new DataViewSchema.Builder();
        schema.AddColumns(input.Schema);
        schema.AddColumn(rankColumnName, NumberDataViewType.Int32);
        Schema = schema.ToSchema();
    }

    public DataViewSchema Schema { get; }

    public DataViewSchema.Column Score { get; }

    public DataViewSchema.Column Group { get; }

    public int TopK { get; }

    // Shuffling would separate the rows of a group.
    public bool CanShuffle => false;

    public long? GetRowCount() => null;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) =>
        new RankedCursor(_input, this, [.. columnsNeeded]);

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) =>
        [GetRowCursor(columnsNeeded)];
}
