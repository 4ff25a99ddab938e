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
            throw new InvalidOperationException("The schema of the row is not the one that the mapper was made for. Pass a row with the schema that was passed to GetRowToRowMapper.");
        return new MappedRow(input, schema, [.. activeColumns.Where(schema.IsMade).Select(column => column.Index)]);
    }

    /// <param name="input">The row that is mapped; its columns are active where they are active there.</param>
    /// <param name="schema">What is made of it.</param>
    /// <param name="active">Indices of the columns to make.</param>
    private sealed class MappedRow(DataViewRow input, RowSchema schema, HashSet<int> active) : DataViewRow
    {
        private readonly Action<Row>? _read = active.Count > 0 ? schema.Reader(input) : null;
        private readonly Row _row = new();
        private RowOutcome? _outcome;
        private long _position = -1;

        public override DataViewSchema Schema => schema.Output;

        public override long Position => input.Position;

        public override long Batch => input.Batch;

        public override ValueGetter<DataViewRowId> GetIdGetter() => input.GetIdGetter();

        public override bool IsColumnActive(DataViewSchema.Column column) =>
            schema.IsMade(column) ? active.Contains(column.Index) : input.IsColumnActive(schema.Input[column.Index]);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            if (!IsColumnActive(column))
                throw new InvalidOperationException($"Column '{column.Name}' is not active: it was not among the columns requested for the row.");
            if (typeof(TValue) != column.Type.RawType)
                throw new InvalidOperationException($"Column '{column.Name}' holds {column.Type.RawType.Name}, not {typeof(TValue).Name}.");
            return schema.IsMade(column)
                ? (ValueGetter<TValue>)schema.Getter(column, Current)
                : input.GetGetter<TValue>(schema.Input[column.Index]);
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _outcome?.Dispose();
                _row.Dispose();
                input.Dispose();
            }
            base.Dispose(disposing);
        }

        /// <summary>All outputs of a position come from one run.</summary>
        private RowResult Current()
        {
            if (input.Position < 0)
                throw new InvalidOperationException("The input is not on a row: it is before the first or after the last.");
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
