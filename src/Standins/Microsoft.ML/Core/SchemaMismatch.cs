namespace Microsoft.ML;

/// <summary>The one kind of exception for an input that lacks a column or has it in another type.</summary>
internal static class SchemaMismatch
{
    internal static ArgumentOutOfRangeException Missing(string column) =>
        new(paramName: null, $"The input has no column '{column}'.");

    internal static ArgumentOutOfRangeException WrongType(string column, object expected, object actual) =>
        new(paramName: null, $"The input's column '{column}' is {actual}, where {expected} is expected.");

    /// <summary>Lets only rows of one schema, the very object, through.</summary>
    internal static void RequireSame(DataViewSchema expected, DataViewRow input)
    {
        if (input.Schema != expected)
            throw new ArgumentOutOfRangeException(nameof(input), "The row is not of the schema that this mapper is bound to.");
    }

    /// <summary>The visible column of this name.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is none.</exception>
    internal static DataViewSchema.Column Find(this DataViewSchema schema, string column)
    {
        ArgumentNullException.ThrowIfNull(schema);
        return schema.GetColumnOrNull(column) ?? throw Missing(column);
    }
}
