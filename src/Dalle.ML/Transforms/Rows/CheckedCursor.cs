using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Transforms.Rows;

/// <summary>
/// A cursor that behaves like those of ML.NET: getters of inactive columns, of other types, and off a row (before the first, after the last)
/// throw <see cref="InvalidOperationException"/>, and the position off a row is −1.
/// </summary>
internal abstract class CheckedCursor : DataViewRowCursor
{
    private readonly bool[] _isActive;
    private bool _isOnRow;

    /// <param name="schema">The schema of the view.</param>
    /// <param name="active">The requested columns.</param>
    protected CheckedCursor(DataViewSchema schema, IEnumerable<DataViewSchema.Column> active)
    {
        (Schema, _isActive) = (schema, new bool[schema.Count]);
        foreach (var column in active)
            _isActive[column.Index] = true;
    }

    public sealed override DataViewSchema Schema { get; }

    public sealed override long Position => _isOnRow ? RowNumber : -1;

    /// <summary>The number of the current row, from 0.</summary>
    protected abstract long RowNumber { get; }

    public sealed override bool IsColumnActive(DataViewSchema.Column column) => _isActive[column.Index];

    public sealed override bool MoveNext() => _isOnRow = MoveToNext();

    public sealed override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        if (!_isActive[column.Index])
            throw new InvalidOperationException($"Column '{column.Name}' is not active: it was not among the columns requested for the cursor.");
        if (typeof(TValue) != column.Type.RawType)
            throw new InvalidOperationException($"Column '{column.Name}' holds {column.Type.RawType.Name}, not {typeof(TValue).Name}.");
        return OnRow((ValueGetter<TValue>)GetterOf<TValue>(column));
    }

    public sealed override ValueGetter<DataViewRowId> GetIdGetter() => OnRow(IdGetter());

    /// <returns>False at the end, and whenever it is called after that.</returns>
    protected abstract bool MoveToNext();

    /// <summary>The getter of an active column, a <see cref="ValueGetter{TValue}"/> of the column's raw type; it is called on rows only.</summary>
    protected abstract Delegate GetterOf<TValue>(DataViewSchema.Column column);

    /// <summary>The getter of the rows' ids; it is called on rows only.</summary>
    protected virtual ValueGetter<DataViewRowId> IdGetter() => (ref DataViewRowId id) => id = new DataViewRowId((ulong)RowNumber, 0);

    /// <summary>
    /// A cursor over an input that reads each row when it is moved there. <see cref="IDataView.GetRowCursor"/> of ML.NET's mappings reads dozens
    /// of rows ahead in its own threads, and after a failed row returns no other; a cursor set of one does not read ahead.
    /// </summary>
    protected static DataViewRowCursor OpenRowByRow(IDataView input, IEnumerable<DataViewSchema.Column> needed, Random? rand = null) =>
        input.GetRowCursorSet(needed.DistinctBy(column => column.Index), n: 1, rand).Single();

    private ValueGetter<TValue> OnRow<TValue>(ValueGetter<TValue> getter) => (ref TValue value) =>
    {
        if (!_isOnRow)
            throw new InvalidOperationException("The cursor is not on a row: it is before the first (call MoveNext) or after the last.");
        getter(ref value);
    };
}
