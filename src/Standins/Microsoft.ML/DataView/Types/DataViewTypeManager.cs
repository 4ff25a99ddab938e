namespace Microsoft.ML.Data;

/// <summary>Which custom .NET types, with which attribute, stand for which column types: one to one, for the whole process.</summary>
public static class DataViewTypeManager
{
    private static readonly Lock Gate = new();
    private static readonly Dictionary<(Type, DataViewTypeAttribute), DataViewType> ColumnTypes = [];
    private static readonly Dictionary<DataViewType, (Type, DataViewTypeAttribute)> MemberTypes = [];

    public static void Register(DataViewType dataViewType, Type type, DataViewTypeAttribute typeAttribute = null)
    {
        ArgumentNullException.ThrowIfNull(dataViewType);
        ArgumentNullException.ThrowIfNull(type);
        if (dataViewType.RawType != type)
            throw new ArgumentException($"Values of {dataViewType} are {dataViewType.RawType.Name}, not {type.Name}.", nameof(type));
        if (dataViewType is TextDataViewType or BooleanDataViewType or NumberDataViewType or KeyDataViewType or VectorDataViewType)
            throw new ArgumentException($"{dataViewType} is known already.", nameof(dataViewType));

        var member = (type, typeAttribute);
        lock (Gate)
        {
            if (ColumnTypes.TryGetValue(member, out var known) ? !known.Equals(dataViewType) : MemberTypes.ContainsKey(dataViewType))
                throw new ArgumentException($"{type.Name} or {dataViewType} is registered with another counterpart.", nameof(type));

            ColumnTypes[member] = dataViewType;
            MemberTypes[dataViewType] = member;
        }
    }

    internal static bool Knows(DataViewType dataViewType)
    {
        lock (Gate)
            return MemberTypes.ContainsKey(dataViewType);
    }

    /// <summary>The column type of a member, or null where none is registered.</summary>
    internal static DataViewType Find(Type type, DataViewTypeAttribute typeAttribute)
    {
        lock (Gate)
            return ColumnTypes.GetValueOrDefault((type, typeAttribute));
    }
}
