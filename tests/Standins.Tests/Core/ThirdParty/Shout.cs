using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;

namespace Standins.Tests.Core.ThirdParty;

/// <summary>
/// A component as third parties write them, with public API alone: it adds a text in capitals and its length, through a data
/// view, cursor and row mapper of its own, and saves itself as a chain of built-in transformers.
/// </summary>
internal sealed class ShoutEstimator(MLContext ml, string output, string input) : IEstimator<ShoutTransformer>
{
    public ShoutTransformer Fit(IDataView input)
    {
        GetInput(input.Schema);
        return Transformer;
    }

    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        // A shape's columns cannot be made outside of ML.NET; built-in estimators give them.
        var text = ml.Transforms.CopyColumns(output, input).GetOutputSchema(inputSchema).Single(column => column.Name == output);
        if (!text.ItemType.Equals(TextDataViewType.Instance) || text.Kind != SchemaShape.Column.VectorKind.Scalar)
            throw new ArgumentOutOfRangeException(nameof(inputSchema), "The input is not text.");
        var length = ml.Transforms.CustomMapping<NoColumns, ShoutLength>((_, _) => { }, null)
            .GetOutputSchema(inputSchema)
            .Single(column => column.Name == ShoutTransformer.LengthName);
        return new SchemaShape(inputSchema.Where(c => c.Name != output && c.Name != length.Name).Append(text).Append(length));
    }

    internal ShoutTransformer Transformer { get; } = new(ml, output, input);

    private DataViewSchema.Column GetInput(DataViewSchema schema) => Transformer.GetInput(schema);
}

internal sealed class ShoutTransformer(MLContext ml, string output, string input) : ITransformer
{
    internal const string LengthName = "Length";

    private int _computed;

    /// <summary>How many rows were computed.</summary>
    internal int Computed => _computed;

    public bool IsRowToRowMapper => true;

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => new ShoutMapper(this, inputSchema).OutputSchema;

    public IDataView Transform(IDataView input) => new ShoutView(input, new ShoutMapper(this, input.Schema));

    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => new ShoutMapper(this, inputSchema);

    public void Save(ModelSaveContext ctx)
    {
        var schema = new DataViewSchema.Builder();
        schema.AddColumn(input, TextDataViewType.Instance);
        var chain = ml.Transforms.CopyColumns("shout.in", input)
            .Append(ml.Transforms.Expression("shout.options", "x => \"21\"", "shout.in"))
            .Append(ml.Transforms.CustomMapping(new ShoutFactory().GetMapping(), ShoutFactory.Contract))
            .Append(ml.Transforms.CopyColumns(output, "shout.out"))
            .Append(ml.Transforms.DropColumns("shout.in", "shout.options", "shout.out"))
            .Fit(new EmptyView(schema.ToSchema()));
        ((ICanSaveModel)chain).Save(ctx);
    }

    internal DataViewSchema.Column GetInput(DataViewSchema schema)
    {
        if (schema.GetColumnOrNull(input) is { Type: TextDataViewType } column)
            return column;
        throw new ArgumentOutOfRangeException(nameof(schema), $"There is no text column '{input}'.");
    }

    internal DataViewSchema AddColumns(DataViewSchema schema)
    {
        var builder = new DataViewSchema.Builder();
        builder.AddColumns(schema);
        builder.AddColumn(output, TextDataViewType.Instance);
        builder.AddColumn(LengthName, NumberDataViewType.Int32);
        return builder.ToSchema();
    }

    internal string Compute(string text)
    {
        Interlocked.Increment(ref _computed);
        return text.ToUpperInvariant();
    }
}

internal sealed class ShoutMapper : IRowToRowMapper
{
    private readonly ShoutTransformer _transformer;
    private readonly DataViewSchema.Column _input;

    internal ShoutMapper(ShoutTransformer transformer, DataViewSchema inputSchema)
    {
        _transformer = transformer;
        _input = transformer.GetInput(inputSchema);
        InputSchema = inputSchema;
        OutputSchema = transformer.AddColumns(inputSchema);
    }

    public DataViewSchema InputSchema { get; }

    public DataViewSchema OutputSchema { get; }

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns) =>
        dependingColumns
            .Select(column => column.Index < InputSchema.Count ? InputSchema[column.Index] : _input)
            .DistinctBy(column => column.Index);

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns) =>
        input.Schema == InputSchema
            ? CreateRow(input, activeColumns)
            : throw new ArgumentException("The row is of another schema.", nameof(input));

    internal ShoutRow CreateRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns) =>
        new(_transformer, input, _input, OutputSchema, [.. activeColumns.Select(column => column.Index)]);
}

internal sealed class ShoutView(IDataView source, ShoutMapper mapper) : IDataView
{
    public bool CanShuffle => source.CanShuffle;

    public DataViewSchema Schema => mapper.OutputSchema;

    public long? GetRowCount() => source.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        DataViewSchema.Column[] columns = [.. columnsNeeded];
        var cursor = source.GetRowCursor(mapper.GetDependencies(columns), rand);
        return new ShoutCursor(cursor, mapper.CreateRow(cursor, columns));
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) =>
        [GetRowCursor(columnsNeeded, rand)];
}

internal sealed class ShoutCursor(DataViewRowCursor cursor, ShoutRow row) : DataViewRowCursor
{
    public override long Position => row.Position;

    public override long Batch => row.Batch;

    public override DataViewSchema Schema => row.Schema;

    public override bool MoveNext() => cursor.MoveNext();

    public override ValueGetter<DataViewRowId> GetIdGetter() => row.GetIdGetter();

    public override bool IsColumnActive(DataViewSchema.Column column) => row.IsColumnActive(column);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => row.GetGetter<TValue>(column);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            row.Dispose();
        base.Dispose(disposing);
    }
}

internal sealed class ShoutRow(
    ShoutTransformer transformer, DataViewRow input, DataViewSchema.Column inputColumn, DataViewSchema schema, HashSet<int> active)
    : DataViewRow
{
    private long _computedPosition = -1;
    private string _computed = "";
    private ValueGetter<ReadOnlyMemory<char>>? _text;

    public override long Position => input.Position;

    public override long Batch => input.Batch;

    public override DataViewSchema Schema => schema;

    public override ValueGetter<DataViewRowId> GetIdGetter() => input.GetIdGetter();

    public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column.Index);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        if (!IsColumnActive(column))
            throw new InvalidOperationException($"'{column.Name}' is not active.");
        if (column.Index < input.Schema.Count)
            return input.GetGetter<TValue>(input.Schema[column.Index]);

        Delegate getter = column.Index == input.Schema.Count
            ? new ValueGetter<ReadOnlyMemory<char>>((ref ReadOnlyMemory<char> value) => value = Compute().AsMemory())
            : new ValueGetter<int>((ref int value) => value = Compute().Length);
        return getter as ValueGetter<TValue> ?? throw new InvalidOperationException($"'{column.Name}' is not {typeof(TValue)}.");
    }

    private string Compute()
    {
        if (_computedPosition == Position)
            return _computed;

        _text ??= input.GetGetter<ReadOnlyMemory<char>>(inputColumn);
        ReadOnlyMemory<char> text = default;
        _text(ref text);
        _computed = transformer.Compute(text.ToString());
        _computedPosition = Position;
        return _computed;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            input.Dispose();
        base.Dispose(disposing);
    }
}

public sealed class NoColumns;

public sealed class ShoutLength
{
    public int Length { get; set; }
}

public sealed class ShoutSource
{
    [ColumnName("shout.in")]
    public string Text { get; set; } = "";

    [ColumnName("shout.options")]
    public string Options { get; set; } = "";
}

public sealed class ShoutResult
{
    [ColumnName("shout.out")]
    public string Loud { get; set; } = "";

    public int Length { get; set; }
}

[CustomMappingFactoryAttribute(Contract)]
public sealed class ShoutFactory : CustomMappingFactory<ShoutSource, ShoutResult>
{
    public const string Contract = "Standins.Tests.Shout/1";

    public override Action<ShoutSource, ShoutResult> GetMapping() => (source, result) =>
    {
        Assert.Equal("21", source.Options);
        result.Loud = source.Text.ToUpperInvariant();
        result.Length = result.Loud.Length;
    };
}
