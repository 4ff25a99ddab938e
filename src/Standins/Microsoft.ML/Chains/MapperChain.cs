namespace Microsoft.ML.Data;

/// <summary>Row mappers one after the other, each bound to the output schema of the one before.</summary>
internal sealed class MapperChain(DataViewSchema inputSchema, IReadOnlyList<IRowToRowMapper> mappers) : IRowToRowMapper
{
    public DataViewSchema InputSchema => inputSchema;

    public DataViewSchema OutputSchema => mappers.Count == 0 ? inputSchema : mappers[^1].OutputSchema;

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns) =>
        mappers.Reverse().Aggregate(dependingColumns, (columns, mapper) => mapper.GetDependencies(columns));

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
    {
        ArgumentNullException.ThrowIfNull(input);
        SchemaMismatch.RequireSame(InputSchema, input);

        // What each mapper must give is known from the end, and the rows are made from the start.
        var needed = new Stack<IEnumerable<DataViewSchema.Column>>([activeColumns]);
        foreach (var mapper in mappers.Skip(1).Reverse())
            needed.Push([.. mapper.GetDependencies(needed.Peek())]);

        // A row owns the row it is made of. The input is the caller's until all is done.
        var made = input;
        return Disposal.OrDispose(MadeRow(), () =>
        {
            foreach (var mapper in mappers)
                made = mapper.GetRow(made, needed.Pop());
            return made;
        });

        IEnumerable<DataViewRow> MadeRow()
        {
            if (made != input)
                yield return made;
        }
    }
}
