namespace Microsoft.ML;

/// <summary>The one kind of exception for an input that lacks a column or has it in another type.</summary>
internal static class SchemaMismatch
{
    internal static ArgumentOutOfRangeException Missing(string column) =>
        new(paramName: null, $"The input has no column '{column}'.");

    internal static ArgumentOutOfRangeException WrongType(string column, object expected, object actual) =>
        new(paramName: null, $"The input's column '{column}' is {actual}, where {expected} is expected.");

    /// <summary>The visible column of this name.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is none.</exception>
    internal static DataViewSchema.Column Find(this DataViewSchema schema, string column)
    {
        ArgumentNullException.ThrowIfNull(schema);
        return schema.GetColumnOrNull(column) ?? throw Missing(column);
    }
}
