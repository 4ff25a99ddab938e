namespace Microsoft.ML.Data;

/// <summary>Some of the rows of another view, with all of their columns.</summary>
internal abstract class LinkedDataView(IDataView source) : IDataView
{
    public virtual bool CanShuffle => source.CanShuffle;

    public DataViewSchema Schema => source.Schema;

    protected IDataView Source => source;

    public virtual long? GetRowCount() => null;

    public abstract DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null);

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random rand = null) =>
        [GetRowCursor(columnsNeeded, rand)];
}

/// <summary>A cursor that leaves rows of another out and counts its own.</summary>
internal abstract class LinkedCursor(DataViewRowCursor source, ActiveColumns active) : DataViewRowCursor
{
    private long _position = -1;

    public sealed override long Position => _position;

    public sealed override long Batch => source.Batch;

    public sealed override DataViewSchema Schema => source.Schema;

    protected DataViewRowCursor Source => source;

    public sealed override bool MoveNext()
    {
        if (!MoveSource())
            return false;
        _position++;
        return true;
    }

    public sealed override ValueGetter<DataViewRowId> GetIdGetter() => source.GetIdGetter();

    public sealed override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column);

    public sealed override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        active.Require(column);
        return source.GetGetter<TValue>(column);
    }

    /// <summary>Moves the source to the next row of this cursor.</summary>
    protected abstract bool MoveSource();

    protected sealed override void Dispose(bool disposing)
    {
        if (disposing)
            source.Dispose();
        base.Dispose(disposing);
    }
}
