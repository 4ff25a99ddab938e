using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Transforms.Image;

/// <summary>Turns images of one size into vectors of their colours.</summary>
public sealed class ImagePixelExtractingTransformer : OneToOneTransformerBase, IModelLoader
{
    private readonly PixelLayout _layout;
    private readonly float _offset;
    private readonly float _scale;
    private readonly bool _asFloat;

    internal ImagePixelExtractingTransformer(
        string outputColumnName, string inputColumnName, PixelLayout layout, float offset, float scale, bool asFloat)
        : base(outputColumnName, inputColumnName)
    {
        if (!float.IsFinite(offset))
            throw new ArgumentOutOfRangeException(nameof(offset), offset, "The offset is not finite.");
        if (!float.IsFinite(scale) || scale == 0)
            throw new ArgumentOutOfRangeException(nameof(scale), scale, "The scale is not finite, or zero.");
        _layout = layout;
        _offset = offset;
        _scale = scale;
        _asFloat = asFloat;
    }

    static string IModelLoader.Name => "ImagePixelExtracting";

    internal PrimitiveDataViewType ItemType => _asFloat ? NumberDataViewType.Single : NumberDataViewType.Byte;

    static ITransformer IModelLoader.Load(IHostEnvironment env, ModelLoadContext ctx)
    {
        string output = ctx.Reader.ReadString();
        string input = ctx.Reader.ReadString();
        var layout = PixelLayout.Read(ctx.Reader);
        float offset = ctx.Reader.ReadSingle();
        float scale = ctx.Reader.ReadSingle();
        return new ImagePixelExtractingTransformer(output, input, layout, offset, scale, asFloat: ctx.Reader.ReadBoolean());
    }

    private protected override void SaveModel(ModelSaveContext ctx) => ctx.Write<ImagePixelExtractingTransformer>(writer =>
    {
        writer.Write(OutputColumnName);
        writer.Write(InputColumnName);
        _layout.Write(writer);
        writer.Write(_offset);
        writer.Write(_scale);
        writer.Write(_asFloat);
    });

    private protected override DataViewType GetOutputType(DataViewType inputType)
    {
        var image = ImageColumns.ImageType(InputColumnName, inputType);
        if (!image.IsKnownSize)
            throw SchemaMismatch.WrongType(InputColumnName, "an image of a known size, as ResizeImages makes it,", inputType);
        return new VectorDataViewType(ItemType, _layout.Dimensions(image.Height, image.Width));
    }

    private protected override Delegate CreateGetter(DataViewRow row, DataViewSchema.Column input) => _asFloat
        ? CreateGetter(row, input, value => (value - _offset) * _scale)
        : CreateGetter(row, input, value => value);

    private ValueGetter<VBuffer<T>> CreateGetter<T>(DataViewRow row, DataViewSchema.Column input, Func<byte, T> convert)
    {
        // A byte has few values: each is converted once.
        var converted = new T[byte.MaxValue + 1];
        for (int value = 0; value < converted.Length; value++)
            converted[value] = convert((byte)value);

        var type = (ImageDataViewType)input.Type;
        var getSource = row.GetGetter<MLImage>(input);
        MLImage source = null;
        return (ref VBuffer<T> pixels) =>
        {
            getSource(ref source);
            int size = type.Height * type.Width * _layout.Channels.Length;
            var editor = VBufferEditor.Create(ref pixels, size, valuesCount: source is null ? 0 : size);
            if (source is not null)
            {
                if ((source.Height, source.Width) != (type.Height, type.Width))
                    throw new InvalidOperationException(
                        $"An image of column '{InputColumnName}' is {source.Height} x {source.Width}, where {type} was promised.");
                Extract(source, converted, editor.Values);
            }

            pixels = editor.Commit();
        };
    }

    private void Extract<T>(MLImage image, T[] converted, Span<T> values)
    {
        var pixels = image.Pixels;
        int pixelCount = image.Width * image.Height;
        for (int channel = 0; channel < _layout.Channels.Length; channel++)
        {
            int from = PixelLayout.ByteOf(_layout.Channels[channel], image.PixelFormat);
            var (to, step) = _layout.Walk(channel, pixelCount);
            for (int i = 0; i < pixelCount; i++)
                values[to + i * step] = converted[pixels[from + i * 4]];
        }
    }
}

/// <summary>Makes an <see cref="ImagePixelExtractingTransformer"/>.</summary>
public sealed class ImagePixelExtractingEstimator : TrivialEstimator<ImagePixelExtractingTransformer>
{
    internal ImagePixelExtractingEstimator(ImagePixelExtractingTransformer transformer)
        : base(transformer)
    {
    }

    /// <summary>A choice of colours.</summary>
    [Flags]
    public enum ColorBits : byte
    {
        Alpha = 0x01,
        Red = 0x02,
        Green = 0x04,
        Blue = 0x08,
        Rgb = Red | Green | Blue,
        All = Alpha | Rgb,
    }

    /// <summary>The order of the colours; those that are not chosen are passed over.</summary>
    public enum ColorsOrder : byte
    {
        ARGB = 1,
        ARBG = 2,
        ABRG = 3,
        ABGR = 4,
        AGRB = 5,
        AGBR = 6,
    }

    private protected override SchemaShape Propagate(SchemaShape inputSchema)
    {
        inputSchema.FindImage(Transformer.InputColumnName);
        return inputSchema.With(new SchemaShape.Column(
            Transformer.OutputColumnName, SchemaShape.Column.VectorKind.Vector, Transformer.ItemType, isKey: false));
    }
}
