using System.Reflection;

namespace Microsoft.ML.Data;

/// <summary>Which members of a class are columns, under which names and of which types; open to changes before it is used.</summary>
public sealed class SchemaDefinition
{
    private readonly List<Column> _columns = [];

    private SchemaDefinition()
    {
    }

    [Flags]
    public enum Direction
    {
        Read = 1,
        Write = 2,
        Both = Read | Write,
    }

    public Column this[string columnName] =>
        _columns.Find(column => column.ColumnName == columnName)
        ?? throw new ArgumentOutOfRangeException(nameof(columnName), columnName, "There is no column of this name.");

    internal IReadOnlyList<Column> Columns => _columns;

    public static SchemaDefinition Create(Type userType, Direction direction = Direction.Both)
    {
        ArgumentNullException.ThrowIfNull(userType);
        var definition = new SchemaDefinition();
        foreach (var member in MembersOf(userType, direction).Where(m => !m.IsDefined(typeof(NoColumnAttribute))))
        {
            var name = member.GetCustomAttribute<ColumnNameAttribute>()?.Name ?? member.Name;
            if (definition._columns.Exists(column => column.ColumnName == name))
                throw new ArgumentException($"{userType.Name} has two members for the column '{name}'.", nameof(userType));
            definition._columns.Add(new Column(member.Name) { ColumnName = name, ColumnType = MemberTypes.ColumnTypeOf(member) });
        }

        return definition;
    }

    /// <summary>This definition with the types that the columns have in a schema, exact vector sizes for one.</summary>
    internal SchemaDefinition WithTypesOf(DataViewSchema schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        foreach (var column in _columns)
            column.ColumnType = schema.GetColumnOrNull(column.ColumnName)?.Type ?? column.ColumnType;
        return this;
    }

    private static IEnumerable<MemberInfo> MembersOf(Type type, Direction direction)
    {
        const BindingFlags PublicInstance = BindingFlags.Public | BindingFlags.Instance;
        var fields = type.GetFields(PublicInstance).Where(f => !f.IsInitOnly || !direction.HasFlag(Direction.Write));
        var properties = type.GetProperties(PublicInstance).Where(p =>
            p.GetIndexParameters().Length == 0
            && (p.GetMethod is { IsPublic: true } || !direction.HasFlag(Direction.Read))
            && (p.SetMethod is { IsPublic: true } || !direction.HasFlag(Direction.Write)));
        return [.. fields, .. properties];
    }

    public sealed class Column
    {
        internal Column(string memberName) => MemberName = memberName;

        internal string MemberName { get; }

        public string ColumnName { get; set; }

        public DataViewType ColumnType { get; set; }
    }
}
