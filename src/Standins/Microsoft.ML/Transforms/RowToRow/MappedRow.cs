namespace Microsoft.ML.Data;

/// <summary>A row seen through a <see cref="RowToRowMapper"/>. It owns the row it is computed from.</summary>
internal sealed class MappedRow(DataViewRow input, DataViewSchema schema, ActiveColumns active, int[] sources, Delegate[] added)
    : DataViewRow
{
    public override long Position => input.Position;

    public override long Batch => input.Batch;

    public override DataViewSchema Schema => schema;

    public override ValueGetter<DataViewRowId> GetIdGetter() => input.GetIdGetter();

    public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        active.Require(column);
        var source = sources[column.Index];
        return source >= 0 ? input.GetGetter<TValue>(input.Schema[source]) : Getters.Cast<TValue>(added[~source], column);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            input.Dispose();
        base.Dispose(disposing);
    }
}
