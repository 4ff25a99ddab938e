using Microsoft.ML.Data;
using Microsoft.ML.ImageAnalytics.Resizing;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Transforms.Image;

/// <summary>Makes images of one size.</summary>
public sealed class ImageResizingTransformer : OneToOneTransformerBase, IModelLoader
{
    private readonly ImageDataViewType _type;
    private readonly ImageResizingEstimator.ResizingKind _kind;
    private readonly ImageResizingEstimator.Anchor _anchor;

    internal ImageResizingTransformer(
        string outputColumnName,
        int imageWidth,
        int imageHeight,
        string inputColumnName,
        ImageResizingEstimator.ResizingKind kind,
        ImageResizingEstimator.Anchor anchor)
        : base(outputColumnName, inputColumnName)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(imageWidth);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(imageHeight);
        if (!Enum.IsDefined(kind))
            throw new ArgumentOutOfRangeException(nameof(kind), kind, "There is no such way to resize.");
        if (!Enum.IsDefined(anchor))
            throw new ArgumentOutOfRangeException(nameof(anchor), anchor, "There is no such anchor.");
        _type = new ImageDataViewType(imageHeight, imageWidth);
        _kind = kind;
        _anchor = anchor;
    }

    static string IModelLoader.Name => "ImageResizing";

    internal DataViewType OutputType => _type;

    static ITransformer IModelLoader.Load(IHostEnvironment env, ModelLoadContext ctx)
    {
        string output = ctx.Reader.ReadString();
        string input = ctx.Reader.ReadString();
        int width = ctx.Reader.ReadInt32();
        int height = ctx.Reader.ReadInt32();
        var kind = (ImageResizingEstimator.ResizingKind)ctx.Reader.ReadInt32();
        var anchor = (ImageResizingEstimator.Anchor)ctx.Reader.ReadInt32();
        return new ImageResizingTransformer(output, width, height, input, kind, anchor);
    }

    private protected override void SaveModel(ModelSaveContext ctx) => ctx.Write<ImageResizingTransformer>(writer =>
    {
        writer.Write(OutputColumnName);
        writer.Write(InputColumnName);
        writer.Write(_type.Width);
        writer.Write(_type.Height);
        writer.Write((int)_kind);
        writer.Write((int)_anchor);
    });

    private protected override DataViewType GetOutputType(DataViewType inputType)
    {
        ImageColumns.ImageType(InputColumnName, inputType);
        return _type;
    }

    private protected override Delegate CreateGetter(DataViewRow row, DataViewSchema.Column input)
    {
        var getSource = row.GetGetter<MLImage>(input);
        MLImage source = null;
        return (ValueGetter<MLImage>)((ref MLImage image) =>
        {
            image?.Dispose();
            getSource(ref source);
            image = source is null ? null : ImageResizer.Resize(source, _type.Width, _type.Height, _kind, _anchor);
        });
    }
}

/// <summary>Makes an <see cref="ImageResizingTransformer"/>.</summary>
public sealed class ImageResizingEstimator : TrivialEstimator<ImageResizingTransformer>
{
    internal ImageResizingEstimator(ImageResizingTransformer transformer)
        : base(transformer)
    {
    }

    /// <summary>What becomes of the proportions.</summary>
    public enum ResizingKind
    {
        /// <summary>They are kept, and what the image does not cover is black.</summary>
        IsoPad = 0,

        /// <summary>They are kept, and what does not fit is cut off.</summary>
        IsoCrop = 1,

        /// <summary>The image is stretched.</summary>
        Fill = 2,
    }

    /// <summary>The side that stays in place when an image is padded or cropped.</summary>
    public enum Anchor
    {
        Right = 0,
        Left = 1,
        Top = 2,
        Bottom = 3,
        Center = 4,
    }

    private protected override SchemaShape Propagate(SchemaShape inputSchema)
    {
        inputSchema.FindImage(Transformer.InputColumnName);
        return inputSchema.With(new SchemaShape.Column(Transformer.OutputColumnName, Transformer.OutputType));
    }
}
