namespace Microsoft.ML.Data;

/// <summary>Reads rows of one schema into objects.</summary>
internal sealed class ObjectReader<TRow>
{
    private readonly List<(MemberBinding<TRow> Binding, DataViewSchema.Column Column)> _members = [];

    /// <exception cref="ArgumentOutOfRangeException">A column is missing, or is of a type that its member cannot hold.</exception>
    internal ObjectReader(DataViewSchema schema, SchemaDefinition definition, bool ignoreMissingColumns)
    {
        foreach (var binding in MemberBinding<TRow>.Create(definition, SchemaDefinition.Direction.Write))
        {
            if (ignoreMissingColumns && schema.GetColumnOrNull(binding.ColumnName) == null)
                continue;

            var column = schema.Find(binding.ColumnName);
            if (!binding.CanHold(column.Type))
                throw SchemaMismatch.WrongType(column.Name, binding.ColumnType, column.Type);
            // The exception that ML.NET's listing names for a type that nobody registered; nothing is left undone here.
            if (column.Type is not (PrimitiveDataViewType or VectorDataViewType) && !DataViewTypeManager.Knows(column.Type))
                throw new NotImplementedException($"Column '{column.Name}' is of a type that is not registered: {column.Type}.");
            _members.Add((binding, column));
        }
    }

    /// <summary>The columns that members stand for.</summary>
    internal IEnumerable<DataViewSchema.Column> Columns => _members.Select(member => member.Column);

    /// <summary>Writes the current values of a row into an object.</summary>
    internal Action<TRow> CreateReader(DataViewRow row)
    {
        Action<TRow>[] setters = [.. _members.Select(member => member.Binding.CreateSetter(row, member.Column))];
        return rowObject =>
        {
            foreach (var set in setters)
                set(rowObject);
        };
    }
}
