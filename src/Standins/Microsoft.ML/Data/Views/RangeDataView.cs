namespace Microsoft.ML.Data;

/// <summary>A run of rows. It does not read a row more than it hands out, and so it does not shuffle.</summary>
internal sealed class RangeDataView(IDataView source, long skip, long take) : LinkedDataView(source)
{
    public override bool CanShuffle => false;

    public override long? GetRowCount() => Source.GetRowCount() is { } count ? Math.Min(Math.Max(count - skip, 0), take) : null;

    public override DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null)
    {
        var active = new ActiveColumns(Schema, columnsNeeded);
        return new Cursor(Source.GetRowCursor(active.Columns), active, skip, take);
    }

    private sealed class Cursor(DataViewRowCursor source, ActiveColumns active, long skip, long take) : LinkedCursor(source, active)
    {
        private long _skip = skip;

        protected override bool MoveSource()
        {
            if (Position + 1 >= take)
                return false;
            for (; _skip > 0; _skip--)
            {
                if (!Source.MoveNext())
                    return false;
            }

            return Source.MoveNext();
        }
    }
}
