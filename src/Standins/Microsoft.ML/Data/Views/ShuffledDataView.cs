namespace Microsoft.ML.Data;

/// <summary>
/// Rows drawn at random from a pool that is refilled from the source. Each cursor repeats one order, unless it is given a
/// randomness of its own.
/// </summary>
internal sealed class ShuffledDataView(IDataView source, int seed, int poolSize, bool shuffleSource) : IDataView
{
    public bool CanShuffle => true;

    public DataViewSchema Schema => source.Schema;

    public long? GetRowCount() => source.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null)
    {
        rand ??= new Random(seed);
        var active = new ActiveColumns(Schema, columnsNeeded);
        var rows = source.GetRowCursor(active.Columns, shuffleSource && source.CanShuffle ? rand : null);
        return Disposal.OrDispose([rows], () => new Cursor(rows, active, poolSize, rand));
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random rand = null) =>
        [GetRowCursor(columnsNeeded, rand)];

    private sealed class Cursor : BufferedCursor
    {
        private readonly DataViewRowCursor _source;
        private readonly int _poolSize;
        private readonly Random _rand;
        private readonly Dictionary<int, ColumnBuffer> _buffers = [];
        private readonly List<Action<int>> _writers = [];
        private readonly List<DataViewRowId> _ids = [];
        private readonly ValueGetter<DataViewRowId> _idGetter;

        // The slots of rows that have not been handed out.
        private readonly List<int> _waiting = [];

        internal Cursor(DataViewRowCursor source, ActiveColumns active, int poolSize, Random rand) : base(source.Schema, active)
        {
            _source = source;
            _poolSize = poolSize;
            _rand = rand;
            _idGetter = source.GetIdGetter();
            foreach (var column in active.Columns)
            {
                var buffer = ColumnBuffer.Create(column);
                _buffers.Add(column.Index, buffer);
                _writers.Add(buffer.CreateWriter(source, column));
            }
        }

        protected override bool TryMove(out int slot)
        {
            if (Position < 0)
            {
                while (_ids.Count < _poolSize && _source.MoveNext())
                    Fill(_ids.Count);
            }
            else if (_source.MoveNext())
            {
                Fill(Slot);
            }

            slot = -1;
            if (_waiting.Count == 0)
                return false;

            var drawn = _rand.Next(_waiting.Count);
            slot = _waiting[drawn];
            _waiting[drawn] = _waiting[^1];
            _waiting.RemoveAt(_waiting.Count - 1);
            return true;
        }

        protected override DataViewRowId IdOf(int slot) => _ids[slot];

        protected override ColumnBuffer BufferOf(DataViewSchema.Column column) => _buffers[column.Index];

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                _source.Dispose();
            base.Dispose(disposing);
        }

        private void Fill(int slot)
        {
            foreach (var write in _writers)
                write(slot);

            DataViewRowId id = default;
            _idGetter(ref id);
            if (slot == _ids.Count)
                _ids.Add(id);
            else
                _ids[slot] = id;
            _waiting.Add(slot);
        }
    }
}
