using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace Standins.Tests.Images;

/// <summary>What holds for every image component: models, schemas and laziness.</summary>
public sealed class ImageModelTests : IDisposable
{
    private readonly MLContext _ml = new(seed: 1);
    private readonly ImageFiles _files = new();

    public ImageModelTests() => _files.Add("image.png", Rgba.Image(9, 6, (x, y) => new Rgba((byte)(x * 20), (byte)(y * 30), 77)));

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

        AssertEqual(data, data);
    }

    private static string InputOf(string component) => component switch { "load" => "Path", "convert" => "Vector", _ => "Image" };

    private (IDataView Input, ITransformer Model) Fit(string component)
    {
        var paths = ImageFiles.Paths(_ml, "image.png", "image.png");
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
        Assert.Equal(Values(expected), Values(actual));
    }

    /// <summary>The values of the column Out, whatever its type, each with its length first.</summary>
    private static float[] Values(IDataView data)
    {
        var type = data.Schema["Out"].Type.RawType;
        var rows = type == typeof(MLImage) ? data.Read<MLImage>("Out").Select(image => Floats(image.Pixels.ToArray()))
            : type == typeof(VBuffer<byte>) ? data.Read<VBuffer<byte>>("Out").Select(vector => Floats(vector.DenseValues()))
            : data.Read<VBuffer<float>>("Out").Select(vector => vector.DenseValues().ToArray());
        return [.. rows.SelectMany(row => row.Prepend(row.Length))];
    }

    private static float[] Floats(IEnumerable<byte> bytes) => [.. bytes.Select(b => (float)b)];
}
