using Microsoft.ML;
using Microsoft.ML.Data;

namespace Standins.Tests.Core.ThirdParty;

/// <summary>A view that counts its cursors and those of them that are open, and whose getters can fail.</summary>
internal sealed class CountingView(IDataView source) : IDataView
{
    internal int Opened { get; private set; }

    internal int Live { get; private set; }

    internal int Sets { get; private set; }

    /// <summary>Whether cursors refuse to give getters, as one does whose source is broken.</summary>
    internal bool HasNoGetters { get; set; }

    public bool CanShuffle => source.CanShuffle;

    public DataViewSchema Schema => source.Schema;

    public long? GetRowCount() => source.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) =>
        new Cursor(this, source, [.. columnsNeeded], remainder: null);

    /// <summary>Two cursors, of the even and of the odd rows, where more than one is allowed.</summary>
    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        Sets++;
        DataViewSchema.Column[] columns = [.. columnsNeeded];
        return n < 2
            ? [GetRowCursor(columns, rand)]
            : [new Cursor(this, source, columns, remainder: 0), new Cursor(this, source, columns, remainder: 1)];
    }

    private sealed class Cursor : DataViewRowCursor
    {
        private readonly CountingView _view;
        private readonly DataViewRowCursor _rows;
        private readonly long? _remainder;
        private long _position = -1;
        private bool _disposed;

        internal Cursor(CountingView view, IDataView source, DataViewSchema.Column[] columns, long? remainder)
        {
            _view = view;
            _rows = source.GetRowCursor(columns);
            _remainder = remainder;
            view.Opened++;
            view.Live++;
        }

        public override long Position => _position;

        public override long Batch => _rows.Position;

        public override DataViewSchema Schema => _rows.Schema;

        public override bool MoveNext()
        {
            while (_rows.MoveNext())
            {
                if (_remainder is not { } remainder || _rows.Position % 2 == remainder)
                {
                    _position++;
                    return true;
                }
            }

            return false;
        }

        public override bool IsColumnActive(DataViewSchema.Column column) => _rows.IsColumnActive(column);

        public override ValueGetter<DataViewRowId> GetIdGetter() => _rows.GetIdGetter();

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) =>
            _view.HasNoGetters ? throw new InvalidOperationException("no getters") : _rows.GetGetter<TValue>(column);

        protected override void Dispose(bool disposing)
        {
            if (!_disposed)
                _view.Live--;
            _disposed = true;
            if (disposing)
                _rows.Dispose();
            base.Dispose(disposing);
        }
    }
}
