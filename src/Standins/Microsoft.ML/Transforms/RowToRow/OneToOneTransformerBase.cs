namespace Microsoft.ML.Data;

/// <summary>A transformer that adds one column, computed from one input column.</summary>
public abstract class OneToOneTransformerBase : RowToRowTransformerBase
{
    private protected OneToOneTransformerBase(string outputColumnName, string inputColumnName)
    {
        ArgumentException.ThrowIfNullOrEmpty(outputColumnName);
        OutputColumnName = outputColumnName;
        InputColumnName = inputColumnName ?? outputColumnName;
    }

    internal string OutputColumnName { get; }

    internal string InputColumnName { get; }

    private protected sealed override RowToRowMapper CreateMapper(DataViewSchema inputSchema) =>
        RowToRowMapper.Add(inputSchema, new Mapping(this, inputSchema.Find(InputColumnName)));

    /// <summary>Checks the input column's type and gives that of the output.</summary>
    private protected abstract DataViewType GetOutputType(DataViewType inputType);

    /// <summary>The annotations of the output column.</summary>
    private protected virtual DataViewSchema.Annotations GetOutputAnnotations(DataViewSchema.Column input) => null;

    /// <summary>A <see cref="ValueGetter{TValue}"/> of the output type over one row or cursor.</summary>
    private protected abstract Delegate CreateGetter(DataViewRow row, DataViewSchema.Column input);

    private sealed class Mapping(OneToOneTransformerBase transformer, DataViewSchema.Column input) : RowMapping
    {
        internal override IReadOnlyList<DataViewSchema.DetachedColumn> AddedColumns { get; } =
            [new(transformer.OutputColumnName, transformer.GetOutputType(input.Type), transformer.GetOutputAnnotations(input))];

        internal override IEnumerable<DataViewSchema.Column> GetDependencies(int added) => [input];

        internal override Delegate[] CreateGetters(DataViewRow row, Func<int, bool> isActive) =>
            [isActive(0) ? transformer.CreateGetter(row, input) : null];
    }
}
