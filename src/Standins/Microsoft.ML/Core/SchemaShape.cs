using System.Collections;
using Microsoft.ML.Data;

namespace Microsoft.ML;

/// <summary>What can be said of a schema before there is data: names and kinds of columns, but not the sizes of vectors.</summary>
public sealed class SchemaShape : IReadOnlyList<SchemaShape.Column>
{
    private readonly Column[] _columns;

    public SchemaShape(IEnumerable<Column> columns)
    {
        ArgumentNullException.ThrowIfNull(columns);
        _columns = [.. columns];
    }

    public int Count => _columns.Length;

    public Column this[int index] => _columns[index];

    public IEnumerator<Column> GetEnumerator() => ((IEnumerable<Column>)_columns).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal static SchemaShape Create(DataViewSchema schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        return new(schema.Where(c => !c.IsHidden).Select(c => new Column(c.Name, c.Type, Create(c.Annotations.Schema))));
    }

    /// <summary>The column of this name.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is none.</exception>
    internal Column Find(string name)
    {
        var at = Array.FindIndex(_columns, c => c.Name == name);
        return at < 0 ? throw SchemaMismatch.Missing(name) : _columns[at];
    }

    /// <summary>This shape with columns added, or replaced where the name is taken.</summary>
    internal SchemaShape With(params IEnumerable<Column> added)
    {
        var columns = new OrderedDictionary<string, Column>();
        foreach (var column in _columns.Concat(added))
            columns[column.Name] = column;
        return new(columns.Values);
    }

    public readonly struct Column
    {
        public readonly string Name;
        public readonly VectorKind Kind;
        public readonly DataViewType ItemType;
        public readonly bool IsKey;
        public readonly SchemaShape Annotations;

        internal Column(string name, VectorKind kind, DataViewType itemType, bool isKey, SchemaShape annotations = null)
        {
            ArgumentException.ThrowIfNullOrEmpty(name);
            ArgumentNullException.ThrowIfNull(itemType);
            Name = name;
            Kind = kind;
            ItemType = itemType;
            IsKey = isKey;
            Annotations = annotations ?? new SchemaShape([]);
        }

        /// <summary>The shape of a column of a known type.</summary>
        internal Column(string name, DataViewType type, SchemaShape annotations = null)
            : this(name, KindOf(type), ItemOf(type), IsKeyOf(type), annotations)
        {
        }

        public enum VectorKind
        {
            Scalar,
            Vector,
            VariableVector,
        }

        internal Column Rename(string name) => new(name, Kind, ItemType, IsKey, Annotations);

        /// <summary>Whether this column will do where <paramref name="wanted"/> is expected; any vector does for a variable one.</summary>
        internal bool Satisfies(Column wanted) =>
            ItemType.Equals(wanted.ItemType)
            && IsKey == wanted.IsKey
            && (Kind == wanted.Kind || (Kind != VectorKind.Scalar && wanted.Kind == VectorKind.VariableVector));

        public override string ToString() => $"{Name}: {(Kind == VectorKind.Scalar ? "" : Kind + " of ")}{(IsKey ? "key " : "")}{ItemType}";

        private static VectorKind KindOf(DataViewType type) => type switch
        {
            VectorDataViewType { IsKnownSize: true } => VectorKind.Vector,
            VectorDataViewType => VectorKind.VariableVector,
            _ => VectorKind.Scalar,
        };

        private static bool IsKeyOf(DataViewType type) => type is KeyDataViewType or VectorDataViewType { ItemType: KeyDataViewType };

        private static DataViewType ItemOf(DataViewType type)
        {
            var item = (type as VectorDataViewType)?.ItemType ?? type;
            return item is KeyDataViewType ? NumberDataViewType.All.Single(number => number.RawType == item.RawType) : item;
        }
    }
}
