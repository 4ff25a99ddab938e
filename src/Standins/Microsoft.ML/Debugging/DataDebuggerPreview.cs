using System.Collections.Immutable;

namespace Microsoft.ML.Data;

/// <summary>The first rows of a data view, read out.</summary>
public sealed class DataDebuggerPreview
{
    internal DataDebuggerPreview(IDataView data, int maxRows)
    {
        Schema = data.Schema;
        using var cursor = data.GetRowCursor(Schema);
        ColumnBuffer[] buffers = [.. Schema.Select(ColumnBuffer.Create)];
        Action<int>[] writers = [.. Schema.Select((column, i) => buffers[i].CreateWriter(cursor, column))];
        var count = 0;
        for (; count < maxRows && cursor.MoveNext(); count++)
        {
            foreach (var write in writers)
                write(count);
        }

        var rows = Enumerable.Range(0, count);
        ColumnView = [.. Schema.Select((column, i) => new ColumnInfo(column, [.. rows.Select(row => buffers[i][row])]))];
        RowView =
            [.. rows.Select(row => new RowInfo([.. Schema.Select((column, i) => KeyValuePair.Create(column.Name, buffers[i][row]))]))];
    }

    public DataViewSchema Schema { get; }

    public ImmutableArray<ColumnInfo> ColumnView { get; }

    public ImmutableArray<RowInfo> RowView { get; }

    public override string ToString() => $"{Schema.Count} columns, {RowView.Length} rows";

    public sealed class ColumnInfo
    {
        internal ColumnInfo(DataViewSchema.Column column, object[] values)
        {
            Column = column;
            Values = values;
        }

        public DataViewSchema.Column Column { get; }

        public object[] Values { get; }
    }

    public sealed class RowInfo
    {
        internal RowInfo(KeyValuePair<string, object>[] values) => Values = values;

        public KeyValuePair<string, object>[] Values { get; }
    }
}
