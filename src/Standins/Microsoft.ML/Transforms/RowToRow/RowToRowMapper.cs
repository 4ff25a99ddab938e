namespace Microsoft.ML.Data;

/// <summary>A transformer bound to an input schema: each output column is an input column as it is, or a computed one.</summary>
internal sealed class RowToRowMapper : IRowToRowMapper
{
    private readonly RowMapping _mapping;

    // Per output column the index of the input column that it is, or the complement of the index of the added column.
    private readonly int[] _sources;

    private RowToRowMapper(DataViewSchema inputSchema, DataViewSchema outputSchema, int[] sources, RowMapping mapping)
    {
        InputSchema = inputSchema;
        OutputSchema = outputSchema;
        _sources = sources;
        _mapping = mapping;
    }

    public DataViewSchema InputSchema { get; }

    public DataViewSchema OutputSchema { get; }

    /// <summary>All input columns, and then those that the mapping adds.</summary>
    internal static RowToRowMapper Add(DataViewSchema inputSchema, RowMapping mapping)
    {
        var schema = new DataViewSchema.Builder();
        schema.AddColumns(inputSchema);
        schema.AddColumns(mapping.AddedColumns);
        int[] sources = [.. Enumerable.Range(0, inputSchema.Count), .. Enumerable.Range(0, mapping.AddedColumns.Count).Select(i => ~i)];
        return new RowToRowMapper(inputSchema, schema.ToSchema(), sources, mapping);
    }

    /// <summary>Some of the input columns and nothing else.</summary>
    internal static RowToRowMapper Select(DataViewSchema inputSchema, IReadOnlyList<DataViewSchema.Column> kept)
    {
        var schema = new DataViewSchema.Builder();
        schema.AddColumns(kept);
        return new RowToRowMapper(inputSchema, schema.ToSchema(), [.. kept.Select(column => column.Index)], mapping: null);
    }

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns)
    {
        var active = new ActiveColumns(OutputSchema, dependingColumns);
        var needed = active.Columns.SelectMany(column => _sources[column.Index] switch
        {
            >= 0 and var input => [InputSchema[input]],
            var added => _mapping.GetDependencies(~added),
        });
        return [.. needed.DistinctBy(column => column.Index)];
    }

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
    {
        ArgumentNullException.ThrowIfNull(input);
        SchemaMismatch.RequireSame(InputSchema, input);
        return CreateRow(input, new ActiveColumns(OutputSchema, activeColumns));
    }

    internal MappedRow CreateRow(DataViewRow input, ActiveColumns active)
    {
        var getters = _mapping?.CreateGetters(input, added => active.Contains(OutputSchema.Count - _mapping.AddedColumns.Count + added));
        return new MappedRow(input, OutputSchema, active, _sources, getters);
    }
}
