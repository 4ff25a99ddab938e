using Dalle.ML.Transforms.Rows;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Transforms.Candidates;

/// <summary>Reads the rows of one group, then gives them in the order of their scores.</summary>
internal sealed class RankedCursor : CheckedCursor
{
    private readonly RankedDataView _view;
    private readonly DataViewRowCursor _input;
    private readonly ValueGetter<float> _score;
    private readonly ColumnBuffer _group;
    private readonly Dictionary<int, ColumnBuffer> _columns;

    private int[] _order = [];
    private int _rank = -1;
    private long _position = -1;
    private bool _isInputOnRow;

    public RankedCursor(IDataView input, RankedDataView view, DataViewSchema.Column[] active)
        : base(view.Schema, active)
    {
        _view = view;
        var passed = active.Where(column => column.Index < input.Schema.Count).Select(column => input.Schema[column.Index]).ToArray();
        _input = OpenRowByRow(input, passed.Append(view.Score).Append(view.Group));
        _score = _input.GetGetter<float>(view.Score);
        _group = ColumnBuffer.Create(_input, view.Group);
        _columns = passed.DistinctBy(column => column.Index).ToDictionary(column => column.Index, column => ColumnBuffer.Create(_input, column));
    }

    public override long Batch => 0;

    protected override long RowNumber => _position;

    protected override Delegate GetterOf<TValue>(DataViewSchema.Column column) => _columns.TryGetValue(column.Index, out var buffer)
        ? buffer.Getter(() => _order[_rank])
        : (ValueGetter<int>)((ref int rank) => rank = _rank);

    protected override bool MoveToNext()
    {
        if (_position < 0)
            _isInputOnRow = _input.MoveNext();
        _rank++;
        if (_rank >= _order.Length && !ReadGroup())
            return false;
        _position++;
        return true;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (var column in _columns.Values)
                column.Clear();
            _input.Dispose();
        }
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
