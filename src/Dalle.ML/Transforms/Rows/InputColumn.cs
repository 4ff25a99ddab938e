using Microsoft.ML;

namespace Dalle.ML.Transforms.Rows;

/// <summary>A column that a component reads.</summary>
/// <param name="Name">The column's name.</param>
/// <param name="Option">The option that names it, for errors.</param>
/// <param name="Field">What it becomes.</param>
internal sealed record InputColumn(string Name, string Option, RowField Field)
{
    /// <exception cref="ArgumentOutOfRangeException">The column is missing or of another type.</exception>
    public DataViewSchema.Column Find(DataViewSchema schema)
    {
        var column = schema.GetColumnOrNull(Name) ?? throw Missing(schema.Select(known => known.Name));
        return Field.Takes(column.Type) ? column : throw WrongType(column.Type);
    }

    /// <exception cref="ArgumentOutOfRangeException">The column is missing or of another type.</exception>
    public void Check(SchemaShape schema)
    {
        var column = schema.FirstOrDefault(known => known.Name == Name);
        if (column.Name is null)
            throw Missing(schema.Select(known => known.Name));
        if (!Field.Takes(column))
            throw WrongType($"{(column.Kind == SchemaShape.Column.VectorKind.Scalar ? "" : "a vector of ")}{(column.IsKey ? "keys of " : "")}{column.ItemType}");
    }

    private ArgumentOutOfRangeException Missing(IEnumerable<string> columns) =>
        new(Option, $"There is no column '{Name}'. The data has: {string.Join(", ", columns.Select(column => $"'{column}'"))}.");

    private ArgumentOutOfRangeException WrongType(object actual) => new(Option, $"Column '{Name}' holds {actual}; {Field.Type} is expected.");
}
