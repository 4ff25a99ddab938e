namespace Microsoft.ML.Data;

/// <summary>The columns that the members of a row class make up.</summary>
internal sealed class ObjectSchema<TRow>
{
    private readonly IReadOnlyList<MemberBinding<TRow>> _bindings;

    internal ObjectSchema(SchemaDefinition definition)
    {
        _bindings = MemberBinding<TRow>.Create(definition, SchemaDefinition.Direction.Read);
        Columns = [.. _bindings.Select(binding => new DataViewSchema.DetachedColumn(binding.ColumnName, binding.ColumnType))];
        Schema = new DataViewSchema(Columns);
    }

    internal IReadOnlyList<DataViewSchema.DetachedColumn> Columns { get; }

    internal DataViewSchema Schema { get; }

    internal Delegate CreateGetter(int column, Func<TRow> current) => _bindings[column].CreateGetter(current);
}

/// <summary>A row whose columns are the members of an object that is put into it.</summary>
internal sealed class ObjectRow<TRow>(ObjectSchema<TRow> schema, ActiveColumns active) : DataViewRow
{
    private TRow _current;
    private long _position = -1;
    private ulong _id;

    public override long Position => _position;

    public override long Batch => 0;

    public override DataViewSchema Schema => schema.Schema;

    /// <summary>Puts the next object in.</summary>
    internal void Next(TRow current, long id)
    {
        _current = current;
        _id = (ulong)id;
        _position++;
    }

    public override ValueGetter<DataViewRowId> GetIdGetter() => (ref id) => id = new DataViewRowId(_id, 0);

    public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        active.Require(column);
        return Getters.Cast<TValue>(schema.CreateGetter(column.Index, () => _current), column);
    }
}
