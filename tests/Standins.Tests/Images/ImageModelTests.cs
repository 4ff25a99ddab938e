using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace Standins.Tests.Images;

/// <summary>What holds for every image component: models, schemas and laziness.</summary>
public sealed class ImageModelTests : IDisposable
{
    private readonly MLContext _ml = new(seed: 1);
    private readonly ImageFiles _files = new();

    public ImageModelTests()
    {
        _files.Add("image.png", Rgba.Image(9, 6, (x, y) => new Rgba((byte)(x * 20), (byte)(y * 30), 77)));
        _files.Add("other.png", Rgba.Image(9, 6, (x, y) => new Rgba(200, (byte)(x * 25), (byte)(y * 40))));
    }

    public static TheoryData<string> Components => ["load", "resize", "extract", "extract bytes", "convert", "grey"];

    public void Dispose() => _files.Dispose();

    [Theory]
    [MemberData(nameof(Components))]
    public void A_saved_component_does_the_same(string component)
    {
        var (input, model) = Fit(component);
        using var file = new MemoryStream();

        _ml.Model.Save(model, input.Schema, file);
        file.Position = 0;
        var loaded = new MLContext().Model.Load(file, out _);

        AssertEqual(model.Transform(input), loaded.Transform(input));
    }

    [Theory]
    [MemberData(nameof(Components))]
    public void The_schema_is_known_before_the_data_are_read(string component)
    {
        var (input, model) = Fit(component);

        var schema = model.GetOutputSchema(input.Schema);

        Assert.Equal(model.Transform(input).Schema["Out"].Type, schema["Out"].Type);
        Assert.True(model.IsRowToRowMapper);
        Assert.Same(input.Schema, model.GetRowToRowMapper(input.Schema).InputSchema);
    }

    [Theory]
    [MemberData(nameof(Components))]
    public void The_output_depends_on_the_input_only(string component)
    {
        var (input, model) = Fit(component);
        var mapper = model.GetRowToRowMapper(input.Schema);

        var needed = mapper.GetDependencies([mapper.OutputSchema["Out"]]);

        Assert.Equal(InputOf(component), Assert.Single(needed).Name);
        Assert.Empty(mapper.GetDependencies([]));
    }

    [Theory]
    [MemberData(nameof(Components))]
    public void Each_cursor_stands_alone(string component)
    {
        var (input, model) = Fit(component);
        var data = model.Transform(input);

        var expected = Rows(data);
        Assert.NotEqual(expected[0], expected[1]);
        using var first = data.GetRowCursor([data.Schema["Out"]]);
        using var second = data.GetRowCursor([data.Schema["Out"]]);
        var (readFirst, readSecond) = (Reader(first), Reader(second));

        Assert.True(first.MoveNext());
        Assert.Equal(expected[0], readFirst());
        Assert.True(first.MoveNext());
        Assert.True(second.MoveNext());
        Assert.Equal(expected[0], readSecond());
        Assert.Equal(expected[1], readFirst());
        Assert.True(second.MoveNext());
        Assert.Equal(expected[1], readSecond());
        Assert.False(first.MoveNext());
        Assert.False(second.MoveNext());
    }

    private static string InputOf(string component) => component switch { "load" => "Path", "convert" => "Vector", _ => "Image" };

    private (IDataView Input, ITransformer Model) Fit(string component)
    {
        var paths = ImageFiles.Paths(_ml, "image.png", "other.png");
        var loaded = Apply(_ml.Transforms.LoadImages("Loaded", _files.Folder, "Path"), paths);
        var images = Apply(_ml.Transforms.ResizeImages("Image", 4, 3, "Loaded", ImageResizingEstimator.ResizingKind.IsoPad), loaded);
        var vectors = Apply(_ml.Transforms.ExtractPixels("Vector", "Image"), images);
        return component switch
        {
            "load" => Fitted(_ml.Transforms.LoadImages("Out", _files.Folder, "Path"), paths),
            "resize" => Fitted(_ml.Transforms.ResizeImages("Out", 2, 5, "Image", ImageResizingEstimator.ResizingKind.Fill), images),
            "extract" => Fitted(_ml.Transforms.ExtractPixels("Out", "Image", offsetImage: 7, scaleImage: 0.25f), images),
            "extract bytes" => Fitted(
                _ml.Transforms.ExtractPixels("Out", "Image", interleavePixelColors: true, outputAsFloatArray: false), images),
            "convert" => Fitted(_ml.Transforms.ConvertToImage(3, 4, "Out", "Vector"), vectors),
            _ => Fitted(_ml.Transforms.ConvertToGrayscale("Out", "Image"), images),
        };
    }

    private static (IDataView, ITransformer) Fitted(IEstimator<ITransformer> estimator, IDataView input) => (input, estimator.Fit(input));

    private static IDataView Apply(IEstimator<ITransformer> estimator, IDataView input) => estimator.Fit(input).Transform(input);

    private static void AssertEqual(IDataView expected, IDataView actual)
    {
        Assert.Equal(expected.Schema["Out"].Type, actual.Schema["Out"].Type);
        Assert.Equal(Rows(expected), Rows(actual));
    }

    private static List<float[]> Rows(IDataView data)
    {
        using var cursor = data.GetRowCursor([data.Schema["Out"]]);
        var read = Reader(cursor);
        var rows = new List<float[]>();
        while (cursor.MoveNext())
            rows.Add(read());
        return rows;
    }

    /// <summary>Reads the current value of the column Out, whatever its type.</summary>
    private static Func<float[]> Reader(DataViewRow row)
    {
        var type = row.Schema["Out"].Type.RawType;
        return type == typeof(MLImage) ? Reader<MLImage>(row, image => Floats(image.Pixels.ToArray()))
            : type == typeof(VBuffer<byte>) ? Reader<VBuffer<byte>>(row, vector => Floats(vector.DenseValues()))
            : Reader<VBuffer<float>>(row, vector => [.. vector.DenseValues()]);
    }

    private static Func<float[]> Reader<T>(DataViewRow row, Func<T, float[]> toFloats)
    {
        var getter = row.GetGetter<T>(row.Schema["Out"]);
        T value = default!;
        return () =>
        {
            getter(ref value);
            return toFloats(value);
        };
    }

    private static float[] Floats(IEnumerable<byte> bytes) => [.. bytes.Select(b => (float)b)];
}
