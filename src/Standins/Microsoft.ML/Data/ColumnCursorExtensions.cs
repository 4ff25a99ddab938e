using System.Reflection;

namespace Microsoft.ML.Data;

public static class ColumnCursorExtensions
{
    private static readonly MethodInfo GenericRead =
        typeof(ColumnCursorExtensions).GetMethod(nameof(Read), BindingFlags.NonPublic | BindingFlags.Static);

    /// <summary>The values of one column; text also as strings, vectors also as arrays.</summary>
    public static IEnumerable<T> GetColumn<T>(this IDataView data, string columnName)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentException.ThrowIfNullOrEmpty(columnName);
        var column = data.Schema.Find(columnName);
        var rawType = MemberTypes.RawTypeOf(typeof(T));
        if (column.Type.RawType != rawType)
            throw SchemaMismatch.WrongType(columnName, typeof(T), column.Type);
        return GenericRead.MakeGenericMethod(typeof(T), rawType)
            .CreateDelegate<Func<IDataView, DataViewSchema.Column, IEnumerable<T>>>()(data, column);
    }

    private static IEnumerable<T> Read<T, TRaw>(IDataView data, DataViewSchema.Column column)
    {
        var codec = ValueCodec.For<T, TRaw>();
        using var cursor = data.GetRowCursor([column]);
        var getter = cursor.GetGetter<TRaw>(column);
        while (cursor.MoveNext())
        {
            TRaw raw = default;
            getter(ref raw);
            yield return codec.Decode(raw);
        }
    }
}
