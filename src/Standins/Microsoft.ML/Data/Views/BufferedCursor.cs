namespace Microsoft.ML.Data;

/// <summary>A cursor over values that lie in buffers.</summary>
internal abstract class BufferedCursor(DataViewSchema schema, ActiveColumns active) : DataViewRowCursor
{
    private long _position = -1;

    public sealed override long Position => _position;

    public sealed override long Batch => 0;

    public sealed override DataViewSchema Schema => schema;

    /// <summary>Where the current row lies in the buffers.</summary>
    protected int Slot { get; private set; }

    public sealed override bool MoveNext()
    {
        if (!TryMove(out var slot))
            return false;
        Slot = slot;
        _position++;
        return true;
    }

    public sealed override ValueGetter<DataViewRowId> GetIdGetter() => (ref id) => id = IdOf(Slot);

    public sealed override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column);

    public sealed override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        active.Require(column);
        return Getters.Cast<TValue>(BufferOf(column).CreateGetter(() => Slot), column);
    }

    protected abstract bool TryMove(out int slot);

    protected abstract DataViewRowId IdOf(int slot);

    protected abstract ColumnBuffer BufferOf(DataViewSchema.Column column);
}
