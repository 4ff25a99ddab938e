using System.Linq.Expressions;
using System.Reflection;

namespace Microsoft.ML.Data;

/// <summary>A member of a row class and the column it stands for.</summary>
internal abstract class MemberBinding<TRow>
{
    internal string ColumnName { get; private init; }

    internal DataViewType ColumnType { get; private init; }

    /// <summary>A getter of the column over whichever row object is current.</summary>
    internal abstract Delegate CreateGetter(Func<TRow> current);

    /// <summary>Writes the current value of a column into the member.</summary>
    internal abstract Action<TRow> CreateSetter(DataViewRow row, DataViewSchema.Column column);

    /// <summary>Whether the member can hold the values of a column of this type.</summary>
    internal abstract bool CanHold(DataViewType type);

    internal static IReadOnlyList<MemberBinding<TRow>> Create(SchemaDefinition definition, SchemaDefinition.Direction direction) =>
        [.. (definition ?? SchemaDefinition.Create(typeof(TRow), direction)).Columns.Select(Create)];

    private static MemberBinding<TRow> Create(SchemaDefinition.Column column)
    {
        var member = typeof(TRow).GetMember(column.MemberName).SingleOrDefault(m => m is FieldInfo or PropertyInfo)
            ?? throw new ArgumentException($"{typeof(TRow).Name} has no field or property '{column.MemberName}'.", nameof(column));
        var type = column.ColumnType ?? MemberTypes.ColumnTypeOf(member);
        var memberType = MemberTypes.TypeOf(member);
        var rawType = MemberTypes.RawTypeOf(memberType);
        if (type.RawType != rawType)
            throw new ArgumentException($"{typeof(TRow).Name}.{member.Name} cannot be a column of type {type}.", nameof(column));

        return (MemberBinding<TRow>)typeof(MemberBinding<TRow>)
            .GetMethod(nameof(CreateTyped), BindingFlags.NonPublic | BindingFlags.Static)
            .MakeGenericMethod(memberType, rawType)
            .Invoke(null, [member, column.ColumnName ?? member.Name, type]);
    }

    private static Typed<TMember, TRaw> CreateTyped<TMember, TRaw>(MemberInfo member, string name, DataViewType type) =>
        new(member) { ColumnName = name, ColumnType = type };

    private sealed class Typed<TMember, TRaw>(MemberInfo member) : MemberBinding<TRow>
    {
        private readonly ValueCodec<TMember, TRaw> _codec = ValueCodec.For<TMember, TRaw>();
        private readonly Lazy<Func<TRow, TMember>> _read = new(() => CompileRead(member));
        private readonly Lazy<Action<TRow, TMember>> _write = new(() => CompileWrite(member));

        internal override bool CanHold(DataViewType type) => type.RawType == typeof(TRaw);

        internal override Delegate CreateGetter(Func<TRow> current)
        {
            var read = _read.Value;
            return new ValueGetter<TRaw>((ref value) => _codec.Encode(read(current()), ref value));
        }

        internal override Action<TRow> CreateSetter(DataViewRow row, DataViewSchema.Column column)
        {
            var write = _write.Value;
            var getter = row.GetGetter<TRaw>(column);
            return rowObject =>
            {
                // A fresh value for each row: the row object may keep it.
                TRaw raw = default;
                getter(ref raw);
                write(rowObject, _codec.Decode(raw));
            };
        }

        private static Func<TRow, TMember> CompileRead(MemberInfo member)
        {
            var row = Expression.Parameter(typeof(TRow));
            return Expression.Lambda<Func<TRow, TMember>>(Expression.MakeMemberAccess(row, member), row).Compile();
        }

        private static Action<TRow, TMember> CompileWrite(MemberInfo member)
        {
            var row = Expression.Parameter(typeof(TRow));
            var value = Expression.Parameter(typeof(TMember));
            var assign = Expression.Assign(Expression.MakeMemberAccess(row, member), value);
            return Expression.Lambda<Action<TRow, TMember>>(assign, row, value).Compile();
        }
    }
}
