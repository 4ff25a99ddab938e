using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Transforms.Image;

/// <summary>Turns vectors of colours into images.</summary>
public sealed class VectorToImageConvertingTransformer : OneToOneTransformerBase, IModelLoader
{
    private readonly ImageDataViewType _type;
    private readonly PixelLayout _layout;
    private readonly float _scale;
    private readonly float _offset;
    private readonly byte[] _defaultPixel;      // red, green, blue, alpha

    internal VectorToImageConvertingTransformer(
        string outputColumnName,
        string inputColumnName,
        ImageDataViewType type,
        PixelLayout layout,
        float scale,
        float offset,
        byte[] defaultPixel)
        : base(outputColumnName, inputColumnName)
    {
        if (!float.IsFinite(offset))
            throw new ArgumentOutOfRangeException(nameof(offset), offset, "The offset is not finite.");
        if (!float.IsFinite(scale) || scale == 0)
            throw new ArgumentOutOfRangeException(nameof(scale), scale, "The scale is not finite, or zero.");
        _type = type;
        _layout = layout;
        _scale = scale;
        _offset = offset;
        _defaultPixel = defaultPixel;
    }

    static string IModelLoader.Name => "VectorToImageConverting";

    internal DataViewType OutputType => _type;

    static ITransformer IModelLoader.Load(IHostEnvironment env, ModelLoadContext ctx)
    {
        string output = ctx.Reader.ReadString();
        string input = ctx.Reader.ReadString();
        int height = ctx.Reader.ReadInt32();
        int width = ctx.Reader.ReadInt32();
        var layout = PixelLayout.Read(ctx.Reader);
        float scale = ctx.Reader.ReadSingle();
        float offset = ctx.Reader.ReadSingle();
        var defaultPixel = new byte[4];
        ctx.Reader.BaseStream.ReadExactly(defaultPixel);
        return new VectorToImageConvertingTransformer(
            output, input, new ImageDataViewType(height, width), layout, scale, offset, defaultPixel);
    }

    private protected override void SaveModel(ModelSaveContext ctx) => ctx.Write<VectorToImageConvertingTransformer>(writer =>
    {
        writer.Write(OutputColumnName);
        writer.Write(InputColumnName);
        writer.Write(_type.Height);
        writer.Write(_type.Width);
        _layout.Write(writer);
        writer.Write(_scale);
        writer.Write(_offset);
        writer.Write(_defaultPixel);
    });

    private protected override DataViewType GetOutputType(DataViewType inputType)
    {
        int size = _layout.Dimensions(_type.Height, _type.Width).Aggregate((product, dimension) => checked(product * dimension));
        return inputType is VectorDataViewType vector && vector.Size == size && IsColor(vector.ItemType)
            ? _type
            : throw SchemaMismatch.WrongType(InputColumnName, $"a vector of {size} numbers of type Single, Double or Byte", inputType);
    }

    internal static bool IsColor(DataViewType type) =>
        type is NumberDataViewType && (type.RawType == typeof(float) || type.RawType == typeof(double) || type.RawType == typeof(byte));

    private protected override Delegate CreateGetter(DataViewRow row, DataViewSchema.Column input)
    {
        var item = ((VectorDataViewType)input.Type).ItemType.RawType;
        return item == typeof(byte) ? CreateGetter<byte>(row, input, value => value)
            : item == typeof(float) ? CreateGetter<float>(row, input, value => value)
            : CreateGetter<double>(row, input, value => value);
    }

    private ValueGetter<MLImage> CreateGetter<T>(DataViewRow row, DataViewSchema.Column input, Func<T, double> toDouble)
    {
        var getVector = row.GetGetter<VBuffer<T>>(input);
        VBuffer<T> vector = default;
        var values = new T[((VectorDataViewType)input.Type).Size];
        return (ref MLImage image) =>
        {
            image?.Dispose();
            image = null;
            getVector(ref vector);
            if (vector.Length == 0)
                return;
            if (vector.Length != values.Length)
            {
                throw new InvalidOperationException(
                    $"Column '{input.Name}' promises vectors of {values.Length} values, and this one has {vector.Length}.");
            }

            vector.CopyTo(values);
            image = Assemble(values, toDouble);
        };
    }

    private MLImage Assemble<T>(T[] values, Func<T, double> toDouble)
    {
        var pixels = new byte[_type.Height * _type.Width * 4];
        for (int i = 0; i < pixels.Length; i += 4)
            _defaultPixel.CopyTo(pixels, i);

        int pixelCount = pixels.Length / 4;
        for (int channel = 0; channel < _layout.Channels.Length; channel++)
        {
            int to = PixelLayout.ByteOf(_layout.Channels[channel], MLPixelFormat.Rgba32);
            var (from, step) = _layout.Walk(channel, pixelCount);
            for (int i = 0; i < pixelCount; i++)
                pixels[to + i * 4] = (byte)Math.Clamp((toDouble(values[from + i * step]) - _offset) * _scale, 0, byte.MaxValue);
        }

        return MLImage.CreateFromPixels(_type.Width, _type.Height, MLPixelFormat.Rgba32, pixels);
    }
}

/// <summary>Makes a <see cref="VectorToImageConvertingTransformer"/>.</summary>
public sealed class VectorToImageConvertingEstimator : TrivialEstimator<VectorToImageConvertingTransformer>
{
    internal VectorToImageConvertingEstimator(VectorToImageConvertingTransformer transformer)
        : base(transformer)
    {
    }

    private protected override SchemaShape Propagate(SchemaShape inputSchema)
    {
        var input = inputSchema.Find(Transformer.InputColumnName);
        if (input.Kind == SchemaShape.Column.VectorKind.Scalar || !VectorToImageConvertingTransformer.IsColor(input.ItemType))
            throw SchemaMismatch.WrongType(input.Name, "a vector of numbers of type Single, Double or Byte", input);
        return inputSchema.With(new SchemaShape.Column(Transformer.OutputColumnName, Transformer.OutputType));
    }
}
