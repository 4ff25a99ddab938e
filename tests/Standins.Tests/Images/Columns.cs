using Microsoft.ML;

namespace Standins.Tests.Images;

internal static class Columns
{
    /// <summary>The values of a column, each in an object of its own.</summary>
    public static T[] Read<T>(this IDataView data, string name)
    {
        var column = data.Schema[name];
        using var cursor = data.GetRowCursor([column]);
        var getter = cursor.GetGetter<T>(column);
        var values = new List<T>();
        while (cursor.MoveNext())
        {
            T value = default!;
            getter(ref value);
            values.Add(value);
        }

        return [.. values];
    }

    /// <summary>ML.NET reports a wrong input schema by one of two exceptions.</summary>
    public static void AssertSchemaMismatch(Action action)
    {
        var e = Assert.ThrowsAny<Exception>(action);
        Assert.True(e is ArgumentOutOfRangeException or InvalidOperationException, e.ToString());
    }
}
