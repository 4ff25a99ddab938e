using Microsoft.ML;
using Microsoft.ML.Data;

namespace Standins.Tests.Core.ThirdParty;

/// <summary>A transformer that keeps the schema and makes rows as it is told.</summary>
internal sealed class RowTransformer(Func<DataViewRow, DataViewRow> makeRow) : ITransformer
{
    public bool IsRowToRowMapper => true;

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => inputSchema;

    public IDataView Transform(IDataView input) => input;

    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => new Mapper(inputSchema, makeRow);

    public void Save(ModelSaveContext ctx) => throw new NotSupportedException();

    private sealed class Mapper(DataViewSchema schema, Func<DataViewRow, DataViewRow> makeRow) : IRowToRowMapper
    {
        public DataViewSchema InputSchema => schema;

        public DataViewSchema OutputSchema => schema;

        public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns) => dependingColumns;

        public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns) => makeRow(input);
    }
}
