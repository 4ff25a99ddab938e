using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace Dalle.ML.Transforms.Rows;

/// <summary>A member of <see cref="Row"/>: which columns it takes and how it is read from them.</summary>
internal class RowField
{
    public static readonly RowField Text = Of<ReadOnlyMemory<char>>(
        nameof(Row.Text), TextDataViewType.Instance, (row, value) => row.Text = value.ToString());

    public static readonly RowField SecondText = Of<ReadOnlyMemory<char>>(
        nameof(Row.SecondText), TextDataViewType.Instance, (row, value) => row.SecondText = value.ToString());

    public static readonly ImageField Image = new(
        nameof(Row.Image), nameof(Row.Pixels), row => row.Image, (row, image) => row.Image = image);

    public static readonly ImageField SecondImage = new(
        nameof(Row.SecondImage), nameof(Row.SecondPixels), row => row.SecondImage, (row, image) => row.SecondImage = image);

    public static readonly RowField Fraction = Of<float>(nameof(Row.Fraction), NumberDataViewType.Single, (row, value) => row.Fraction = value);

    public static readonly RowField ImageEmbedding = Of<VBuffer<float>>(
        nameof(Row.ImageEmbedding), new VectorDataViewType(NumberDataViewType.Single), (row, value) => row.ImageEmbedding = [.. value.DenseValues()]);

    public static readonly RowField Seed = Of<ulong>(nameof(Row.Seed), NumberDataViewType.UInt64, (row, value) => row.Seed = value);

    public static readonly RowField PromptTokens = Of<VBuffer<int>>(
        nameof(Row.PromptTokens), new VectorDataViewType(NumberDataViewType.Int32), (row, value) => row.PromptTokens = [.. value.DenseValues()]);

    public static readonly RowField ImageTokens = Of<VBuffer<int>>(
        nameof(Row.ImageTokens), new VectorDataViewType(NumberDataViewType.Int32), (row, value) => row.ImageTokens = [.. value.DenseValues()]);

    public static readonly RowField Pixels = Of<VBuffer<byte>>(
        nameof(Row.Pixels), new VectorDataViewType(NumberDataViewType.Byte), (row, value) => row.Pixels = [.. value.DenseValues()]);

    protected RowField(string name, DataViewType type, Func<DataViewRow, DataViewSchema.Column, Action<Row>> bind) =>
        (Source, Type, Bind) = (Row.Prefix + name, type, bind);

    /// <summary>The column of a saved pipeline that it is read from.</summary>
    public string Source { get; }

    /// <summary>The type of its columns; vectors may have any length, images any size.</summary>
    public DataViewType Type { get; }

    /// <summary>Makes a reader of a column.</summary>
    public Func<DataViewRow, DataViewSchema.Column, Action<Row>> Bind { get; }

    public bool Takes(DataViewType type) => (Type, type) switch
    {
        (VectorDataViewType expected, VectorDataViewType actual) => actual.ItemType.Equals(expected.ItemType),
        (ImageDataViewType, ImageDataViewType) => true,
        _ => type.Equals(Type),
    };

    public bool Takes(SchemaShape.Column column)
    {
        var isVector = column.Kind != SchemaShape.Column.VectorKind.Scalar;
        return !column.IsKey && isVector == Type is VectorDataViewType
            && Takes(isVector && column.ItemType is PrimitiveDataViewType item ? new VectorDataViewType(item) : column.ItemType);
    }

    private static RowField Of<T>(string name, DataViewType type, Action<Row, T> set)
        where T : struct =>
        new(name, type, (source, column) =>
        {
            var getter = source.GetGetter<T>(column);
            var value = default(T);
            return row =>
            {
                getter(ref value);
                set(row, value);
            };
        });
}
