using Microsoft.ML;

namespace Dalle.ML.Transforms.Rows;

/// <summary>
/// A view with a component's columns. It stands on <see cref="IDataView"/> directly: ML.NET's own row mappers look dozens of rows ahead,
/// which here would generate dozens of images for the first.
/// </summary>
internal sealed class RowDataView(IDataView input, RowSchema schema) : IDataView
{
    public bool CanShuffle => input.CanShuffle;

    public DataViewSchema Schema => schema.Output;

    public long? GetRowCount() => input.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) =>
        new RowCursor(input, schema, [.. columnsNeeded], rand);

    /// <summary>One cursor: a row uses all cores by itself.</summary>
    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) =>
        [GetRowCursor(columnsNeeded, rand)];
}
