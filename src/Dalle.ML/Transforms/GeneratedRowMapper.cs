using Dalle.ML.Generation;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Transforms;

/// <summary>Draws row by row, for prediction engines.</summary>
internal sealed class GeneratedRowMapper(GeneratedColumns columns, DalleGenerateTransformer transformer) : IRowToRowMapper
{
    public DataViewSchema InputSchema => columns.Input;

    public DataViewSchema OutputSchema => columns.Output;

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns)
    {
        var depending = dependingColumns.ToArray();
        return columns.Needed(depending, isDrawnHere: depending.Any(columns.IsGenerated));
    }

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.Schema != columns.Input)
            throw new ArgumentException("The row has another schema than the mapper was made for.", nameof(input));
        return new Row(input, columns, transformer, [.. activeColumns.Select(column => column.Index)]);
    }

    private sealed class Row(DataViewRow input, GeneratedColumns columns, DalleGenerateTransformer transformer, HashSet<int> active) : DataViewRow
    {
        private readonly RowReader? _reader = active.Any(index => index >= columns.Input.Count) ? transformer.Reader(input, columns) : null;
        private GeneratedImage? _image;
        private long _position = -1;

        public override DataViewSchema Schema => columns.Output;

        public override long Position => input.Position;

        public override long Batch => input.Batch;

        public override ValueGetter<DataViewRowId> GetIdGetter() => input.GetIdGetter();

        public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column.Index);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            if (!active.Contains(column.Index))
                throw new InvalidOperationException($"Column '{column.Name}' is not active.");
            return columns.IsGenerated(column)
                ? columns.Getter<TValue>(column, Current)
                : input.GetGetter<TValue>(columns.Input[column.Index]);
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _image?.Dispose();
                input.Dispose();
            }
            base.Dispose(disposing);
        }

        /// <summary>All outputs of a position come from one generation.</summary>
        private GeneratedImage Current()
        {
            if (_image is null || _position != input.Position)
            {
                _image?.Dispose();
                _image = null;
                _image = transformer.Generate([_reader!.Read()]).Single();
                _position = input.Position;
            }
            return _image;
        }
    }
}
