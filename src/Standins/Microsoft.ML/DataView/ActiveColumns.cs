namespace Microsoft.ML;

/// <summary>The columns of a schema that a reader asked for.</summary>
internal sealed class ActiveColumns
{
    private readonly DataViewSchema _schema;
    private readonly bool[] _active;

    internal ActiveColumns(DataViewSchema schema, IEnumerable<DataViewSchema.Column> columnsNeeded)
    {
        ArgumentNullException.ThrowIfNull(columnsNeeded);
        _schema = schema;
        _active = new bool[schema.Count];
        foreach (var column in columnsNeeded)
        {
            if ((uint)column.Index >= (uint)_active.Length)
                throw new ArgumentOutOfRangeException(nameof(columnsNeeded), column.Name, "The column is not one of this schema.");
            _active[column.Index] = true;
        }
    }

    internal bool Contains(int index) => _active[index];

    internal bool Contains(DataViewSchema.Column column)
    {
        if ((uint)column.Index >= (uint)_active.Length)
            throw new ArgumentOutOfRangeException(nameof(column), column.Name, "The column is not one of this row.");
        return _active[column.Index];
    }

    internal IEnumerable<DataViewSchema.Column> Columns => _schema.Where(column => _active[column.Index]);

    internal void Require(DataViewSchema.Column column)
    {
        if (!Contains(column))
            throw new InvalidOperationException($"Column '{column.Name}' is not active: it was not among the columns asked for.");
    }
}
