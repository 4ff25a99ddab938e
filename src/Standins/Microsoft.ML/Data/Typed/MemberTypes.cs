using System.Reflection;

namespace Microsoft.ML.Data;

/// <summary>How .NET types of members and of column values correspond.</summary>
internal static class MemberTypes
{
    /// <summary>The column type of a member, by its .NET type and its attributes.</summary>
    internal static DataViewType ColumnTypeOf(MemberInfo member)
    {
        var type = TypeOf(member);
        if (member.GetCustomAttribute<DataViewTypeAttribute>() is { } attribute)
        {
            attribute.Register();
            return DataViewTypeManager.Find(type, attribute) ?? throw Unsupported(member, type);
        }

        if (VectorItem(type) is { } item)
        {
            var dimensions = member.GetCustomAttribute<VectorTypeAttribute>()?.Dimensions ?? [0];
            return new VectorDataViewType(PrimitiveOf(item) ?? throw Unsupported(member, type), dimensions);
        }

        return PrimitiveOf(type) ?? DataViewTypeManager.Find(type, null) ?? throw Unsupported(member, type);
    }

    internal static Type TypeOf(MemberInfo member) => member is FieldInfo field ? field.FieldType : ((PropertyInfo)member).PropertyType;

    /// <summary>The type of the column values that a member's values are stored as: text for strings, vectors for arrays.</summary>
    internal static Type RawTypeOf(Type memberType)
    {
        if (VectorItem(memberType) is { } item)
            return typeof(VBuffer<>).MakeGenericType(RawTypeOf(item));
        return memberType == typeof(string) ? typeof(ReadOnlyMemory<char>) : memberType;
    }

    private static Type VectorItem(Type type)
    {
        if (type.IsSZArray)
            return type.GetElementType();
        return type.IsGenericType && type.GetGenericTypeDefinition() == typeof(VBuffer<>) ? type.GetGenericArguments()[0] : null;
    }

    private static PrimitiveDataViewType PrimitiveOf(Type type)
    {
        if (type == typeof(string) || type == typeof(ReadOnlyMemory<char>))
            return TextDataViewType.Instance;
        if (type == typeof(bool))
            return BooleanDataViewType.Instance;
        return NumberDataViewType.All.FirstOrDefault(number => number.RawType == type);
    }

    private static ArgumentOutOfRangeException Unsupported(MemberInfo member, Type type) =>
        new(nameof(member), $"{member.DeclaringType?.Name}.{member.Name} cannot be a column: no column type stands for {type}.");
}
