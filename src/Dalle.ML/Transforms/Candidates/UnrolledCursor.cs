using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Transforms.Candidates;

/// <summary>Walks the candidates of each row. Vectors are read when a candidate's value is asked for, or to count what has no known count.</summary>
internal sealed class UnrolledCursor : DataViewRowCursor
{
    private readonly UnrolledDataView _view;
    private readonly HashSet<int> _active;
    private readonly DataViewRowCursor _input;
    private readonly Func<int> _count;
    private long _position = -1;

    public UnrolledCursor(IDataView input, UnrolledDataView view, HashSet<int> active)
    {
        (_view, _active) = (view, active);
        var width = input.Schema.Count;
        var needed = active.Select(index => index < width ? input.Schema[index] : view.Columns[index - width].Source).OfType<DataViewSchema.Column>();
        if (view.KnownCount == 0)
            needed = needed.Append(view.Counted);
        _input = input.GetRowCursor(needed.DistinctBy(column => column.Index));
        _count = view.KnownCount > 0 ? () => view.KnownCount
            : ((VectorDataViewType)view.Counted.Type).ItemType.RawType == typeof(float) ? LengthOf<float>(view.Counted)
            : LengthOf<ulong>(view.Counted);
    }

    /// <summary>The candidate's number in its row.</summary>
    public int Candidate { get; private set; }

    /// <summary>Number of candidates of the row.</summary>
    public int Candidates { get; private set; }

    public override DataViewSchema Schema => _view.Schema;

    public override long Position => _position;

    public override long Batch => _input.Batch;

    public override bool MoveNext()
    {
        Candidate++;
        while (Candidate >= Candidates)
        {
            if (!_input.MoveNext())
                return false;
            (Candidate, Candidates) = (0, _count());
        }
        _position++;
        return true;
    }

    public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId id) => id = new DataViewRowId((ulong)_position, 0);

    public override bool IsColumnActive(DataViewSchema.Column column) => _active.Contains(column.Index);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        if (!_active.Contains(column.Index))
            throw new InvalidOperationException($"Column '{column.Name}' is not active: it was not among the columns that the cursor was asked for.");
        var own = column.Index - _input.Schema.Count;
        if (own < 0)
            return _input.GetGetter<TValue>(_input.Schema[column.Index]);
        return _view.Columns[own].Bind(this) as ValueGetter<TValue>
            ?? throw new InvalidOperationException($"Column '{column.Name}' holds {column.Type.RawType.Name}, not {typeof(TValue).Name}.");
    }

    /// <summary>The vector of the current row, read once for all of its candidates.</summary>
    public Func<T[]> Vector<T>(DataViewSchema.Column source)
    {
        var getter = _input.GetGetter<VBuffer<T>>(source);
        var (position, buffer, values) = (-1L, default(VBuffer<T>), Array.Empty<T>());
        return () =>
        {
            if (position != _input.Position)
            {
                getter(ref buffer);
                values = [.. buffer.DenseValues()];
                position = _input.Position;
            }
            return values;
        };
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _input.Dispose();
        base.Dispose(disposing);
    }

    private Func<int> LengthOf<T>(DataViewSchema.Column source)
    {
        var vector = Vector<T>(source);
        return () => vector().Length;
    }
}
