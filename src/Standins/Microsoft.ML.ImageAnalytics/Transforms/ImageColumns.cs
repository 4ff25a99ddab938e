using Microsoft.ML.Data;

namespace Microsoft.ML.Transforms.Image;

/// <summary>What the image transformers ask of their input columns.</summary>
internal static class ImageColumns
{
    public static ImageDataViewType ImageType(string column, DataViewType type) =>
        type as ImageDataViewType ?? throw SchemaMismatch.WrongType(column, "an image", type);

    public static SchemaShape.Column FindImage(this SchemaShape schema, string name)
    {
        var column = schema.Find(name);
        return column is { Kind: SchemaShape.Column.VectorKind.Scalar, ItemType: ImageDataViewType }
            ? column
            : throw SchemaMismatch.WrongType(name, "an image", column);
    }
}
