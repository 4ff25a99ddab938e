namespace Microsoft.ML.Data;

/// <summary>A data view seen through a <see cref="RowToRowMapper"/>.</summary>
internal sealed class RowToRowDataView(IDataView input, RowToRowMapper mapper) : IDataView
{
    public bool CanShuffle => input.CanShuffle;

    public DataViewSchema Schema => mapper.OutputSchema;

    public long? GetRowCount() => input.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null)
    {
        var active = new ActiveColumns(Schema, columnsNeeded);
        return Map(input.GetRowCursor(mapper.GetDependencies(active.Columns), rand), active);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random rand = null)
    {
        var active = new ActiveColumns(Schema, columnsNeeded);
        var cursors = input.GetRowCursorSet(mapper.GetDependencies(active.Columns), n, rand);
        return Disposal.OrDispose(cursors, () => Array.ConvertAll<DataViewRowCursor, DataViewRowCursor>(cursors, c => Map(c, active)));
    }

    private MappedCursor Map(DataViewRowCursor cursor, ActiveColumns active) =>
        Disposal.OrDispose([cursor], () => new MappedCursor(cursor, mapper.CreateRow(cursor, active)));

    private sealed class MappedCursor(DataViewRowCursor cursor, MappedRow row) : DataViewRowCursor
    {
        public override long Position => row.Position;

        public override long Batch => row.Batch;

        public override DataViewSchema Schema => row.Schema;

        public override bool MoveNext() => cursor.MoveNext();

        public override ValueGetter<DataViewRowId> GetIdGetter() => row.GetIdGetter();

        public override bool IsColumnActive(DataViewSchema.Column column) => row.IsColumnActive(column);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => row.GetGetter<TValue>(column);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                row.Dispose();
            base.Dispose(disposing);
        }
    }
}
