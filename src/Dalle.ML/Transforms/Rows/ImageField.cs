using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace Dalle.ML.Transforms.Rows;

/// <summary>A member of <see cref="Row"/> that is an image.</summary>
internal sealed class ImageField : RowField
{
    private readonly Func<Row, MLImage?> _get;

    public ImageField(string name, string pixels, Func<Row, MLImage?> get, Action<Row, MLImage?> set)
        : base(name, new ImageDataViewType(), Reader(get, set)) =>
        (_get, PixelsSource) = (get, Row.Prefix + pixels);

    /// <summary>The column of a saved pipeline that has its pixels, where the input column states a size.</summary>
    public string PixelsSource { get; }

    public MLImage? Of(Row row) => _get(row);

    // The image that was read before goes into the getter, which disposes it: nobody else may. The row has its own copy, as rows that are
    // run together are read one after the other.
    private static Func<DataViewRow, DataViewSchema.Column, Action<Row>> Reader(Func<Row, MLImage?> get, Action<Row, MLImage?> set) =>
        (source, column) =>
        {
            var getter = source.GetGetter<MLImage>(column);
            MLImage image = null!;
            return row =>
            {
                get(row)?.Dispose();
                set(row, null);
                getter(ref image);
                set(row, image?.Copy());
            };
        };
}
