using Dalle.ML.Transforms.Rows;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Transforms.Candidates;

/// <summary>Walks the candidates of each row. Vectors are read when a candidate's value is requested, or to count the candidates if their number is not known.</summary>
internal sealed class UnrolledCursor : CheckedCursor
{
    private readonly UnrolledDataView _view;
    private readonly DataViewRowCursor _input;
    private readonly Func<int> _count;
    private long _position = -1;

    public UnrolledCursor(IDataView input, UnrolledDataView view, DataViewSchema.Column[] active)
        : base(view.Schema, active)
    {
        _view = view;
        var width = input.Schema.Count;
        var needed = active.Select(column => column.Index < width ? input.Schema[column.Index] : view.Columns[column.Index - width].Source)
            .OfType<DataViewSchema.Column>();
        if (view.KnownCount == 0)
            needed = needed.Append(view.Counted);
        _input = OpenRowByRow(input, needed);
        _count = view.KnownCount > 0 ? () => view.KnownCount
            : ((VectorDataViewType)view.Counted.Type).ItemType.RawType == typeof(float) ? LengthOf<float>(view.Counted)
            : LengthOf<ulong>(view.Counted);
    }

    /// <summary>The candidate's number in its row.</summary>
    public int Candidate { get; private set; }

    /// <summary>Number of candidates of the row.</summary>
    public int Candidates { get; private set; }

    public override long Batch => _input.Batch;

    protected override long RowNumber => _position;

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

    protected override Delegate GetterOf<TValue>(DataViewSchema.Column column)
    {
        var own = column.Index - _input.Schema.Count;
        return own < 0 ? _input.GetGetter<TValue>(_input.Schema[column.Index]) : _view.Columns[own].Bind(this);
    }

    protected override bool MoveToNext()
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
