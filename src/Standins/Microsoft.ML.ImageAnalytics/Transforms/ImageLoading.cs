using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Transforms.Image;

/// <summary>Reads the image files that a text column names.</summary>
public sealed class ImageLoadingTransformer : OneToOneTransformerBase, IModelLoader
{
    private readonly string _imageFolder;

    internal ImageLoadingTransformer(string outputColumnName, string imageFolder, string inputColumnName)
        : base(outputColumnName, inputColumnName) => _imageFolder = imageFolder ?? "";

    static string IModelLoader.Name => "ImageLoading";

    static ITransformer IModelLoader.Load(IHostEnvironment env, ModelLoadContext ctx)
    {
        string output = ctx.Reader.ReadString();
        string input = ctx.Reader.ReadString();
        return new ImageLoadingTransformer(output, ctx.Reader.ReadString(), input);
    }

    private protected override void SaveModel(ModelSaveContext ctx) => ctx.Write<ImageLoadingTransformer>(writer =>
    {
        writer.Write(OutputColumnName);
        writer.Write(InputColumnName);
        writer.Write(_imageFolder);
    });

    private protected override DataViewType GetOutputType(DataViewType inputType) =>
        inputType is TextDataViewType
            ? new ImageDataViewType()
            : throw SchemaMismatch.WrongType(InputColumnName, TextDataViewType.Instance, inputType);

    private protected override Delegate CreateGetter(DataViewRow row, DataViewSchema.Column input)
    {
        var getPath = row.GetGetter<ReadOnlyMemory<char>>(input);
        ReadOnlyMemory<char> path = default;
        return (ValueGetter<MLImage>)((ref MLImage image) =>
        {
            image?.Dispose();
            getPath(ref path);
            image = path.IsEmpty ? null : MLImage.CreateFromFile(Path.Combine(_imageFolder, path.ToString()));
        });
    }
}

/// <summary>Makes an <see cref="ImageLoadingTransformer"/>.</summary>
public sealed class ImageLoadingEstimator : TrivialEstimator<ImageLoadingTransformer>
{
    internal ImageLoadingEstimator(ImageLoadingTransformer transformer)
        : base(transformer)
    {
    }

    private protected override SchemaShape Propagate(SchemaShape inputSchema)
    {
        var input = inputSchema.Find(Transformer.InputColumnName);
        if (input is not { Kind: SchemaShape.Column.VectorKind.Scalar, ItemType: TextDataViewType })
            throw SchemaMismatch.WrongType(input.Name, TextDataViewType.Instance, input);
        return inputSchema.With(new SchemaShape.Column(Transformer.OutputColumnName, new ImageDataViewType()));
    }
}
