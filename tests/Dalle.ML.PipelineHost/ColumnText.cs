using System.Globalization;
using System.Security.Cryptography;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.PipelineHost;

/// <summary>Values of any column as text, the same for the same values.</summary>
public static class ColumnText
{
    public static string[] Of(IDataView view, string column) => Lines(view, [column]);

    /// <summary>A line for each row, with the values of several columns, read by one cursor.</summary>
    public static string[] Lines(IDataView view, IEnumerable<string> columns)
    {
        var active = columns.Select(column => view.Schema[column]).ToArray();
        using var cursor = view.GetRowCursor(active);
        var read = Array.ConvertAll(active, column => Reader(cursor, column));
        var lines = new List<string>();
        while (cursor.MoveNext())
            lines.Add(string.Join(' ', read.Select(value => value())));
        return [.. lines];
    }

    /// <summary>What a column is annotated with, by kind.</summary>
    public static IEnumerable<string> OfAnnotations(DataViewSchema.Column column)
    {
        foreach (var kind in column.Annotations.Schema)
        {
            if (kind.Type is VectorDataViewType)
                yield return $"{column.Name} {kind.Name}: {string.Join(", ", Read<VBuffer<ReadOnlyMemory<char>>>(kind).DenseValues())}";
            else
                yield return $"{column.Name} {kind.Name}: {Read<ReadOnlyMemory<char>>(kind)}";
        }

        T Read<T>(DataViewSchema.Column kind)
        {
            T value = default!;
            column.Annotations.GetValue(kind.Name, ref value);
            return value;
        }
    }

    /// <summary>Reads the column's value in the row's current position.</summary>
    public static Func<string> Reader(DataViewRow row, DataViewSchema.Column column) => column.Type.RawType switch
    {
        var type when type == typeof(MLImage) => Reader<MLImage>(row, column, Of),
        var type when type == typeof(ReadOnlyMemory<char>) => Reader<ReadOnlyMemory<char>>(row, column, text => text.ToString()),
        var type when type == typeof(VBuffer<int>) => Reader<VBuffer<int>>(row, column, Vector),
        var type when type == typeof(VBuffer<ulong>) => Reader<VBuffer<ulong>>(row, column, Vector),
        var type when type == typeof(VBuffer<float>) => Reader<VBuffer<float>>(row, column, Vector),
        var type when type == typeof(VBuffer<byte>) => Reader<VBuffer<byte>>(row, column, Vector),
        var type when type == typeof(float) => Reader<float>(row, column, Item),
        var type when type == typeof(ulong) => Reader<ulong>(row, column, Item),
        var type when type == typeof(int) => Reader<int>(row, column, Item),
        var type => throw new NotSupportedException($"{type} has no text here."),
    };

    public static string Of(MLImage? image)
    {
        if (image is null)
            return "none";
        var text = $"{image.Width}x{image.Height}:{Convert.ToHexString(SHA256.HashData(image.Pixels))}";
        // Its pixels do not keep it.
        GC.KeepAlive(image);
        return text;
    }

    private static string Vector<T>(VBuffer<T> vector) => string.Join(',', vector.DenseValues().Select(Item));

    private static string Item<T>(T value) => ((IFormattable)value!).ToString(value is float ? "R" : null, CultureInfo.InvariantCulture);

    private static Func<string> Reader<T>(DataViewRow row, DataViewSchema.Column column, Func<T, string> text)
    {
        var getter = row.GetGetter<T>(column);
        return () =>
        {
            T value = default!;
            getter(ref value);
            return text(value);
        };
    }
}
