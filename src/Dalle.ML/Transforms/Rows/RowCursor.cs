using System.Runtime.ExceptionServices;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Transforms.Rows;

/// <summary>
/// Walks the input and runs the component when one of its columns is first requested, on as many rows at once as are worth it. For more than
/// one, they are read ahead by a second cursor, so that the other columns are read one row at a time, and not at all if nobody does.
/// </summary>
internal sealed class RowCursor : CheckedCursor
{
    private readonly RowSchema _schema;
    private readonly DataViewRowCursor _input;
    private readonly DataViewRowCursor? _ahead;
    private readonly Action<Row>? _read;
    private readonly List<Row> _rows = [];

    private IEnumerator<RowOutcome> _batch = Enumerable.Empty<RowOutcome>().GetEnumerator();
    private RowOutcome? _outcome;
    private ExceptionDispatchInfo? _failure;

    // Numbers of rows, counted from 0: of the input, of the outcome in hand, of the next row to be read ahead.
    private long _row = -1;
    private long _outcomeRow = -1;
    private long _aheadRow;

    public RowCursor(IDataView input, RowSchema schema, DataViewSchema.Column[] active, Random? rand)
        : base(schema.Output, active)
    {
        _schema = schema;

        // Both cursors must meet the rows in the same order.
        var order = rand?.Next();
        var runs = active.Any(schema.IsMade);
        var readsAhead = runs && schema.BatchSize > 1;
        _input = OpenRowByRow(input, schema.Needed(active, isMadeHere: runs && !readsAhead), Shuffle());
        if (readsAhead)
            _ahead = OpenRowByRow(input, schema.Sources, Shuffle());
        if (runs)
            _read = schema.Reader(_ahead ?? _input);

        Random? Shuffle() => order is { } seed ? new Random(seed) : null;
    }

    public override long Batch => _input.Batch;

    protected override long RowNumber => _input.Position;

    protected override ValueGetter<DataViewRowId> IdGetter() => _input.GetIdGetter();

    protected override Delegate GetterOf<TValue>(DataViewSchema.Column column) =>
        _schema.IsMade(column) ? _schema.Getter(column, Current) : _input.GetGetter<TValue>(_schema.Input[column.Index]);

    protected override bool MoveToNext()
    {
        _row++;
        return _input.MoveNext();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _outcome?.Dispose();
            _batch.Dispose();
            _rows.ForEach(row => row.Dispose());
            _ahead?.Dispose();
            _input.Dispose();
            _schema.WarnOfAllCut();
        }
        base.Dispose(disposing);
    }

    /// <summary>The result of the current row.</summary>
    private RowResult Current()
    {
        _failure?.Throw();
        try
        {
            Run();
        }
        catch (Exception exception)
        {
            // The rows read ahead are lost: later rows can no longer be matched.
            _failure = ExceptionDispatchInfo.Capture(exception);
            throw;
        }
        return _outcome!.Result;
    }

    private void Run()
    {
        while (_outcomeRow < _row)
        {
            _outcome?.Dispose();
            _outcome = null;
            if (!_batch.MoveNext())
            {
                StartBatch();
                continue;
            }
            _outcome = _batch.Current;
            _outcomeRow++;
        }
    }

    /// <summary>Reads rows from the current one on. Skipped rows are not run.</summary>
    private void StartBatch()
    {
        _batch.Dispose();
        var count = _ahead is null ? ReadCurrent() : ReadAhead(_ahead);
        _batch = _schema.Run(_rows.GetRange(0, count)).GetEnumerator();
    }

    private int ReadCurrent()
    {
        _read!(RowAt(0));
        _outcomeRow = _row - 1;
        return 1;
    }

    private int ReadAhead(DataViewRowCursor ahead)
    {
        var count = 0;
        while (count < _schema.BatchSize && ahead.MoveNext())
        {
            if (_aheadRow++ >= _row)
                _read!(RowAt(count++));
        }
        if (count == 0)
            throw new InvalidOperationException("The input had fewer rows when it was read a second time. Use data with the same rows at each reading.");
        _outcomeRow = _aheadRow - count - 1;
        return count;
    }

    private Row RowAt(int index)
    {
        if (index == _rows.Count)
            _rows.Add(new Row());
        return _rows[index];
    }
}
