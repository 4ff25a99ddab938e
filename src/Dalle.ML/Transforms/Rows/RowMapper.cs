using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Transforms.Rows;

/// <summary>Runs a component row by row, for prediction engines.</summary>
internal sealed class RowMapper(RowSchema schema) : IRowToRowMapper
{
    public DataViewSchema InputSchema => schema.Input;

    public DataViewSchema OutputSchema => schema.Output;

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns)
    {
        var depending = dependingColumns.ToArray();
        return schema.Needed(depending, isMadeHere: depending.Any(schema.IsMade));
    }

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.Schema != schema.Input)
            throw new ArgumentException("The row has another schema than the mapper was made for.", nameof(input));
        return new MappedRow(input, schema, [.. activeColumns.Select(column => column.Index)]);
    }

    private sealed class MappedRow(DataViewRow input, RowSchema schema, HashSet<int> active) : DataViewRow
    {
        private readonly Action<Row>? _read = active.Any(index => index >= schema.Input.Count) ? schema.Reader(input) : null;
        private readonly Row _row = new();
        private RowOutcome? _outcome;
        private long _position = -1;

        public override DataViewSchema Schema => schema.Output;

        public override long Position => input.Position;

        public override long Batch => input.Batch;

        public override ValueGetter<DataViewRowId> GetIdGetter() => input.GetIdGetter();

        public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column.Index);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            if (!active.Contains(column.Index))
                throw new InvalidOperationException($"Column '{column.Name}' is not active.");
            return schema.IsMade(column)
                ? schema.Getter<TValue>(column, Current)
                : input.GetGetter<TValue>(schema.Input[column.Index]);
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _outcome?.Dispose();
                input.Dispose();
            }
            base.Dispose(disposing);
        }

        /// <summary>All outputs of a position come from one run.</summary>
        private RowResult Current()
        {
            if (_outcome is null || _position != input.Position)
            {
                _outcome?.Dispose();
                _outcome = null;
                _read!(_row);
                _outcome = schema.Run([_row]).Single();
                _position = input.Position;
            }
            return _outcome.Result;
        }
    }
}
