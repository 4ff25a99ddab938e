using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Transforms.Image;

/// <summary>Makes images grey.</summary>
public sealed class ImageGrayscalingTransformer : OneToOneTransformerBase, IModelLoader
{
    internal ImageGrayscalingTransformer(string outputColumnName, string inputColumnName)
        : base(outputColumnName, inputColumnName)
    {
    }

    static string IModelLoader.Name => "ImageGrayscaling";

    static ITransformer IModelLoader.Load(IHostEnvironment env, ModelLoadContext ctx) =>
        new ImageGrayscalingTransformer(ctx.Reader.ReadString(), ctx.Reader.ReadString());

    private protected override void SaveModel(ModelSaveContext ctx) => ctx.Write<ImageGrayscalingTransformer>(writer =>
    {
        writer.Write(OutputColumnName);
        writer.Write(InputColumnName);
    });

    private protected override DataViewType GetOutputType(DataViewType inputType) => ImageColumns.ImageType(InputColumnName, inputType);

    private protected override Delegate CreateGetter(DataViewRow row, DataViewSchema.Column input)
    {
        var getSource = row.GetGetter<MLImage>(input);
        MLImage source = null;
        return (ValueGetter<MLImage>)((ref MLImage image) =>
        {
            image?.Dispose();
            getSource(ref source);
            image = source is null ? null : Grey(source);
        });
    }

    private static MLImage Grey(MLImage source)
    {
        var pixels = source.Pixels.ToArray();
        var (red, blue) = source.PixelFormat == MLPixelFormat.Bgra32 ? (2, 0) : (0, 2);
        for (int i = 0; i < pixels.Length; i += 4)
        {
            // Luminance as ITU-R BT.709 weighs the colours.
            double luminance = 0.2126 * pixels[i + red] + 0.7152 * pixels[i + 1] + 0.0722 * pixels[i + blue];
            pixels.AsSpan(i, 3).Fill((byte)Math.Round(luminance));
        }

        return MLImage.CreateFromPixels(source.Width, source.Height, source.PixelFormat, pixels);
    }
}

/// <summary>Makes an <see cref="ImageGrayscalingTransformer"/>.</summary>
public sealed class ImageGrayscalingEstimator : TrivialEstimator<ImageGrayscalingTransformer>
{
    internal ImageGrayscalingEstimator(ImageGrayscalingTransformer transformer)
        : base(transformer)
    {
    }

    private protected override SchemaShape Propagate(SchemaShape inputSchema) =>
        inputSchema.With(inputSchema.FindImage(Transformer.InputColumnName).Rename(Transformer.OutputColumnName));
}
