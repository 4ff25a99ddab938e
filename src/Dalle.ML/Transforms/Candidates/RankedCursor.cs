using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Transforms.Candidates;

/// <summary>Reads the rows of one group, then gives them in the order of their scores.</summary>
internal sealed class RankedCursor : DataViewRowCursor
{
    private readonly RankedDataView _view;
    private readonly HashSet<int> _active;
    private readonly DataViewRowCursor _input;
    private readonly ValueGetter<float> _score;
    private readonly ColumnBuffer _group;
    private readonly Dictionary<int, ColumnBuffer> _columns;

    private int[] _order = [];
    private int _rank = -1;
    private long _position = -1;
    private bool _isInputOnRow;

    public RankedCursor(IDataView input, RankedDataView view, HashSet<int> active)
    {
        (_view, _active) = (view, active);
        var passed = input.Schema.Where(column => active.Contains(column.Index)).ToArray();
        _input = input.GetRowCursor(passed.Append(view.Score).Append(view.Group).DistinctBy(column => column.Index));
        _score = _input.GetGetter<float>(view.Score);
        _group = ColumnBuffer.Create(_input, view.Group);
        _columns = passed.ToDictionary(column => column.Index, column => ColumnBuffer.Create(_input, column));
    }

    public override DataViewSchema Schema => _view.Schema;

    public override long Position => _position;

    public override long Batch => 0;

    public override bool MoveNext()
    {
        if (_position < 0)
            _isInputOnRow = _input.MoveNext();
        _rank++;
        if (_rank >= _order.Length && !ReadGroup())
            return false;
        _position++;
        return true;
    }

    public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId id) => id = new DataViewRowId((ulong)_position, 0);

    public override bool IsColumnActive(DataViewSchema.Column column) => _active.Contains(column.Index);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        if (!_active.Contains(column.Index))
            throw new InvalidOperationException($"Column '{column.Name}' is not active: it was not among the columns that the cursor was asked for.");
        Delegate getter = _columns.TryGetValue(column.Index, out var buffer)
            ? buffer.Getter(() => _order[_rank])
            : (ValueGetter<int>)((ref int rank) => rank = _rank);
        return getter as ValueGetter<TValue>
            ?? throw new InvalidOperationException($"Column '{column.Name}' holds {column.Type.RawType.Name}, not {typeof(TValue).Name}.");
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _input.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>Reads until the group changes: the input is left on the first row of the next.</summary>
    private bool ReadGroup()
    {
        foreach (var column in _columns.Values.Prepend(_group))
            column.Clear();
        var scores = new List<float>();
        while (_isInputOnRow && (scores.Count == 0 || _group.IsSame()))
        {
            var score = float.NaN;
            _score(ref score);
            scores.Add(score);
            foreach (var column in _columns.Values.Prepend(_group))
                column.Add();
            _isInputOnRow = _input.MoveNext();
        }
        _order = [.. Enumerable.Range(0, scores.Count).OrderByDescending(row => scores[row]).Take(_view.TopK)];
        _rank = 0;
        return scores.Count > 0;
    }
}
