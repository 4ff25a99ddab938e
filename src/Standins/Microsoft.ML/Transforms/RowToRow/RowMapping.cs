namespace Microsoft.ML.Data;

/// <summary>What a transformer adds to one input schema, a row at a time.</summary>
internal abstract class RowMapping
{
    internal abstract IReadOnlyList<DataViewSchema.DetachedColumn> AddedColumns { get; }

    /// <summary>The input columns that an added column is computed from.</summary>
    internal abstract IEnumerable<DataViewSchema.Column> GetDependencies(int added);

    /// <summary>
    /// A <see cref="ValueGetter{TValue}"/> for each active added column and null for the others. They belong to one row
    /// or cursor, so that they may share a state of their own and need no locks.
    /// </summary>
    internal abstract Delegate[] CreateGetters(DataViewRow input, Func<int, bool> isActive);
}
