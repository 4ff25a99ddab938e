namespace Microsoft.ML.Data;

/// <summary>Holds each column in memory from the first time it is read. Columns that cannot be held are not there.</summary>
internal sealed class CachedDataView : IDataView
{
    private readonly Lock _gate = new();
    private readonly IDataView _source;
    private readonly DataViewSchema.Column[] _sourceColumns;
    private readonly DataViewSchema.Column[] _prefetched;
    private readonly ColumnBuffer[] _buffers;
    private int? _rowCount;

    internal CachedDataView(IDataView source, string[] columnsToPrefetch)
    {
        _source = source;

        // With a column go those that it hides: they must not come to light under its name.
        _sourceColumns = [.. source.Schema.Where(column => CanHold(column) && CanHold(source.Schema[column.Name]))];
        _buffers = new ColumnBuffer[_sourceColumns.Length];
        var schema = new DataViewSchema.Builder();
        schema.AddColumns(_sourceColumns);
        Schema = schema.ToSchema();
        _prefetched = [.. (columnsToPrefetch ?? []).Select(name => Schema.Find(name))];
    }

    public bool CanShuffle => true;

    public DataViewSchema Schema { get; }

    public long? GetRowCount() => _rowCount ?? _source.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null)
    {
        var active = new ActiveColumns(Schema, columnsNeeded);
        int[] order = [.. Enumerable.Range(0, Load([.. active.Columns, .. _prefetched]))];
        rand?.Shuffle(order);
        return new Cursor(this, active, order);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random rand = null) =>
        [GetRowCursor(columnsNeeded, rand)];

    private static bool CanHold(DataViewSchema.Column column) => column.Type is PrimitiveDataViewType or VectorDataViewType;

    /// <summary>Reads those columns that have not been read yet, in one pass, and gives the number of rows.</summary>
    private int Load(IEnumerable<DataViewSchema.Column> columns)
    {
        lock (_gate)
        {
            int[] missing = [.. columns.Select(column => column.Index).Distinct().Where(i => _buffers[i] == null)];
            if (_rowCount is { } known && missing.Length == 0)
                return known;

            using var cursor = _source.GetRowCursor(missing.Select(i => _sourceColumns[i]));
            var buffers = Array.ConvertAll(missing, i => ColumnBuffer.Create(_sourceColumns[i]));
            var writers = missing.Zip(buffers, (i, buffer) => buffer.CreateWriter(cursor, _sourceColumns[i])).ToArray();
            var row = 0;
            for (; cursor.MoveNext(); row++)
            {
                foreach (var write in writers)
                    write(row);
            }

            if (_rowCount is { } before && before != row)
                throw new InvalidOperationException($"The data had {before} rows when they were read first, and now have {row}.");

            // Only now: a pass that failed half way must leave nothing behind.
            for (var i = 0; i < missing.Length; i++)
                _buffers[missing[i]] = buffers[i];
            _rowCount = row;
            return row;
        }
    }

    private sealed class Cursor(CachedDataView view, ActiveColumns active, int[] order) : BufferedCursor(view.Schema, active)
    {
        protected override bool TryMove(out int slot)
        {
            var next = Position + 1;
            slot = next < order.Length ? order[next] : -1;
            return next < order.Length;
        }

        protected override DataViewRowId IdOf(int slot) => new((ulong)slot, 0);

        protected override ColumnBuffer BufferOf(DataViewSchema.Column column) => view._buffers[column.Index];
    }
}
