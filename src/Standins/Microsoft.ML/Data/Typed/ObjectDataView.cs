namespace Microsoft.ML.Data;

/// <summary>The objects of an enumerable as rows. They are enumerated anew by each cursor.</summary>
internal sealed class ObjectDataView<TRow>(IEnumerable<TRow> rows, SchemaDefinition definition) : IDataView where TRow : class
{
    private readonly ObjectSchema<TRow> _schema = new(definition);

    public bool CanShuffle => rows is IList<TRow>;

    public DataViewSchema Schema => _schema.Schema;

    public long? GetRowCount() => (rows as ICollection<TRow>)?.Count;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null) =>
        new Cursor(new ObjectRow<TRow>(_schema, new ActiveColumns(Schema, columnsNeeded)), InOrder(rand).GetEnumerator());

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random rand = null) =>
        [GetRowCursor(columnsNeeded, rand)];

    private IEnumerable<(TRow Row, long Id)> InOrder(Random rand)
    {
        if (rand == null || rows is not IList<TRow> list)
            return rows.Select((row, i) => (row, (long)i));

        var order = Enumerable.Range(0, list.Count).ToArray();
        rand.Shuffle(order);
        return order.Select(i => (list[i], (long)i));
    }

    private sealed class Cursor(ObjectRow<TRow> row, IEnumerator<(TRow Row, long Id)> rows) : DataViewRowCursor
    {
        public override long Position => row.Position;

        public override long Batch => row.Batch;

        public override DataViewSchema Schema => row.Schema;

        public override bool MoveNext()
        {
            if (!rows.MoveNext())
                return false;
            row.Next(rows.Current.Row, rows.Current.Id);
            return true;
        }

        public override ValueGetter<DataViewRowId> GetIdGetter() => row.GetIdGetter();

        public override bool IsColumnActive(DataViewSchema.Column column) => row.IsColumnActive(column);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => row.GetGetter<TValue>(column);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                rows.Dispose();
            base.Dispose(disposing);
        }
    }
}
