using System.Globalization;

namespace Microsoft.ML.Data;

/// <summary>Deals rows out to two sides by a hash of a key column, or of the row's id where there is none.</summary>
internal sealed class RowSplit(DataViewSchema.Column? key, int seed, double firstFraction)
{
    internal IEnumerable<DataViewSchema.Column> KeyColumns => key is { } column ? [column] : [];

    /// <summary>Tells of the row's current position whether it goes to the first side.</summary>
    internal Func<bool> CreateTest(DataViewRow row)
    {
        var name = key is { } column ? CreateNameOf(row, column) : CreateNameOfId(row);
        return () => Hash(name()) < firstFraction;
    }

    private static Func<string> CreateNameOf(DataViewRow row, DataViewSchema.Column column)
    {
        var buffer = ColumnBuffer.Create(column);
        var write = buffer.CreateWriter(row, column);
        return () =>
        {
            write(0);
            return Convert.ToString(buffer[0], CultureInfo.InvariantCulture);
        };
    }

    private static Func<string> CreateNameOfId(DataViewRow row)
    {
        var getter = row.GetIdGetter();
        return () =>
        {
            DataViewRowId id = default;
            getter(ref id);
            return id.ToString();
        };
    }

    /// <summary>A number in 0..1 that is the same in every process (FNV-1a, its bits mixed as in SplitMix64).</summary>
    private double Hash(string name)
    {
        var hash = 0xcbf29ce484222325UL ^ (uint)seed;
        foreach (var c in name)
            hash = (hash ^ c) * 0x100000001b3UL;

        hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9UL;
        hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebUL;
        return (hash ^ (hash >> 31)) / (double)ulong.MaxValue;
    }
}

/// <summary>One side of a split.</summary>
internal sealed class SplitDataView(IDataView source, RowSplit split, bool first) : LinkedDataView(source)
{
    public override DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null)
    {
        var active = new ActiveColumns(Schema, columnsNeeded);
        var rows = Source.GetRowCursor([.. active.Columns, .. split.KeyColumns], rand);
        return Disposal.OrDispose([rows], () => new Cursor(rows, active, split.CreateTest(rows), first));
    }

    private sealed class Cursor(DataViewRowCursor source, ActiveColumns active, Func<bool> isFirst, bool first)
        : LinkedCursor(source, active)
    {
        protected override bool MoveSource()
        {
            while (Source.MoveNext())
            {
                if (isFirst() == first)
                    return true;
            }

            return false;
        }
    }
}
