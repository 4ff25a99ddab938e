using System.Runtime.ExceptionServices;
using Dalle.ML.Generation;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Transforms;

/// <summary>
/// Walks the input and draws when an image is first asked for, as many rows at once as the batch size says. For more than one, prompts are
/// read ahead by a second cursor, so that the other columns are read one row at a time, and not at all if nobody does.
/// </summary>
internal sealed class GeneratedCursor : DataViewRowCursor
{
    private readonly GeneratedColumns _columns;
    private readonly DalleGenerateTransformer _transformer;
    private readonly bool[] _isActive;
    private readonly DataViewRowCursor _input;
    private readonly DataViewRowCursor? _ahead;
    private readonly RowReader? _reader;

    private IEnumerator<GeneratedImage> _batch = Enumerable.Empty<GeneratedImage>().GetEnumerator();
    private GeneratedImage? _image;
    private ExceptionDispatchInfo? _failure;

    // Numbers of rows, counted from 0: of the input, of the image in hand, of the next prompt.
    private long _row = -1;
    private long _imageRow = -1;
    private long _promptRow;
    private bool _isOnRow;

    public GeneratedCursor(
        IDataView input, GeneratedColumns columns, DalleGenerateTransformer transformer, DataViewSchema.Column[] active, Random? rand)
    {
        (_columns, _transformer) = (columns, transformer);
        _isActive = new bool[columns.Output.Count];
        foreach (var column in active)
            _isActive[column.Index] = true;

        // Both cursors must meet the rows in the same order.
        var order = rand?.Next();
        var draws = active.Any(columns.IsGenerated);
        var readsAhead = draws && transformer.BatchSize > 1;
        _input = input.GetRowCursor(columns.Needed(active, isDrawnHere: draws && !readsAhead), Shuffle());
        if (readsAhead)
            _ahead = input.GetRowCursor(columns.Sources, Shuffle());
        if (draws)
            _reader = transformer.Reader(_ahead ?? _input, columns);

        Random? Shuffle() => order is { } seed ? new Random(seed) : null;
    }

    public override DataViewSchema Schema => _columns.Output;

    public override long Position => _input.Position;

    public override long Batch => _input.Batch;

    public override ValueGetter<DataViewRowId> GetIdGetter() => _input.GetIdGetter();

    public override bool IsColumnActive(DataViewSchema.Column column) => _isActive[column.Index];

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        if (!_isActive[column.Index])
            throw new InvalidOperationException($"Column '{column.Name}' is not active: it was not among the columns that the cursor was asked for.");
        return _columns.IsGenerated(column)
            ? _columns.Getter<TValue>(column, Current)
            : _input.GetGetter<TValue>(_columns.Input[column.Index]);
    }

    public override bool MoveNext()
    {
        _row++;
        return _isOnRow = _input.MoveNext();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _image?.Dispose();
            _batch.Dispose();
            _ahead?.Dispose();
            _input.Dispose();
        }
        base.Dispose(disposing);
    }

    /// <summary>The image of the current row.</summary>
    private GeneratedImage Current()
    {
        if (!_isOnRow)
            throw new InvalidOperationException("The cursor is not on a row: it is before the first, call MoveNext, or after the last.");
        _failure?.Throw();
        try
        {
            Draw();
            return _image!;
        }
        catch (Exception exception)
        {
            // What was read ahead is gone: later rows cannot be told from each other any more.
            _failure = ExceptionDispatchInfo.Capture(exception);
            throw;
        }
    }

    private void Draw()
    {
        while (_imageRow < _row)
        {
            _image?.Dispose();
            _image = null;
            if (!_batch.MoveNext())
            {
                StartBatch();
                continue;
            }
            _image = _batch.Current;
            _imageRow++;
        }
    }

    /// <summary>Reads the prompts from the current row on. Rows that were passed over without a look are not drawn.</summary>
    private void StartBatch()
    {
        _batch.Dispose();
        if (_ahead is null)
        {
            _imageRow = _row - 1;
            _batch = _transformer.Generate([_reader!.Read()]).GetEnumerator();
            return;
        }
        var requests = new List<GenerationRequest>();
        while (requests.Count < _transformer.BatchSize && _ahead.MoveNext())
        {
            if (_promptRow++ >= _row)
                requests.Add(_reader!.Read());
        }
        if (requests.Count == 0)
            throw new InvalidOperationException("The input gave fewer rows when it was read a second time. Give data that reads the same each time.");
        _imageRow = _promptRow - requests.Count - 1;
        _batch = _transformer.Generate(requests).GetEnumerator();
    }
}
