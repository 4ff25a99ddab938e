using Microsoft.ML;

namespace Dalle.ML.Transforms;

/// <summary>
/// A view with generated columns. It stands on <see cref="IDataView"/> directly: ML.NET's own row mappers look dozens of rows ahead, which
/// here would draw dozens of images for the first.
/// </summary>
internal sealed class GeneratedDataView(IDataView input, GeneratedColumns columns, DalleGenerateTransformer transformer) : IDataView
{
    public bool CanShuffle => input.CanShuffle;

    public DataViewSchema Schema => columns.Output;

    public long? GetRowCount() => input.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        var active = columnsNeeded.ToArray();
        return new GeneratedCursor(input, columns, transformer, active, rand);
    }

    /// <summary>One cursor: a batch uses all cores by itself.</summary>
    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) =>
        [GetRowCursor(columnsNeeded, rand)];
}
