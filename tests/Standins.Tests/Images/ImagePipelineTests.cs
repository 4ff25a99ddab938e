using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace Standins.Tests.Images;

/// <summary>The image components together, as a user of ML.NET chains them.</summary>
public sealed class ImagePipelineTests : IDisposable
{
    private readonly MLContext _ml = new(seed: 1);
    private readonly ImageFiles _files = new();

    public ImagePipelineTests()
    {
        _files.Add("red.png", Rgba.Image(8, 8, (_, _) => new Rgba(255, 0, 0)));
        _files.Add("blue.png", Rgba.Image(16, 12, (_, _) => new Rgba(0, 0, 255)));
    }

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Files_become_vectors()
    {
        var paths = ImageFiles.Paths(_ml, "red.png", "blue.png");

        var data = Pipeline().Fit(paths).Transform(paths);

        var vectors = data.Read<VBuffer<float>>("Pixels").Select(vector => vector.DenseValues().ToArray()).ToArray();
        Assert.Equal([1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0], vectors[0]);
        Assert.Equal([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1], vectors[1]);
    }

    [Fact]
    public void A_saved_pipeline_does_the_same()
    {
        var paths = ImageFiles.Paths(_ml, "red.png", "blue.png");
        var model = Pipeline().Fit(paths);
        string path = Path.Combine(_files.Folder, "model.zip");

        _ml.Model.Save(model, paths.Schema, path);
        var loaded = new MLContext().Model.Load(path, out var inputSchema);

        Assert.Equal("Path", Assert.Single(inputSchema).Name);
        Assert.Equal(
            model.Transform(paths).Read<VBuffer<float>>("Pixels").SelectMany(vector => vector.DenseValues()),
            loaded.Transform(paths).Read<VBuffer<float>>("Pixels").SelectMany(vector => vector.DenseValues()));
    }

    [Fact]
    public void One_image_at_a_time_is_predicted()
    {
        var model = Pipeline().Fit(ImageFiles.Paths(_ml, "red.png"));
        using var engine = _ml.Model.CreatePredictionEngine<FileRow, PixelRow>(model);

        Assert.Equal([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1], engine.Predict(new FileRow { Path = "blue.png" }).Pixels);
        Assert.Equal([1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0], engine.Predict(new FileRow { Path = "red.png" }).Pixels);
    }

    [Fact]
    public void Images_reach_objects_and_stay_theirs()
    {
        Assert.SkipUnless(Feed.IsStandin, "The real package disposes an image that it loaded when its cursor moves on.");
        var paths = ImageFiles.Paths(_ml, "red.png", "blue.png");
        var data = Pipeline().Fit(paths).Transform(paths);

        var rows = _ml.Data.CreateEnumerable<PixelRow>(data, reuseRowObject: false).ToList();

        Assert.Equal([new Rgba(255, 0, 0), new Rgba(0, 0, 255)], rows.Select(row => Rgba.At(row.Image!, 1, 1)));
    }

    [Fact]
    public void A_row_without_a_file_has_no_image_and_black_pixels()
    {
        var paths = ImageFiles.Paths(_ml, "");

        var data = Pipeline().Fit(paths).Transform(paths);

        Assert.Null(Assert.Single(data.Read<MLImage?>("Image")));
        Assert.Equal(new float[12], Assert.Single(data.Read<VBuffer<float>>("Pixels")).DenseValues());
    }

    [Fact]
    public void Shapes_are_propagated()
    {
        var images = ShapeOf<ImageRow>();
        var transforms = _ml.Transforms;

        var text = _ml.Transforms.LoadImages("Out", null, nameof(ImageRow.Name)).GetOutputSchema(images).Single(c => c.Name == "Out");
        var resized = transforms.ResizeImages("Out", 4, 3, nameof(ImageRow.Image)).GetOutputSchema(images).Single(c => c.Name == "Out");
        var floats = transforms.ExtractPixels("Out", nameof(ImageRow.Image)).GetOutputSchema(images).Single(c => c.Name == "Out");
        var grey = transforms.ConvertToGrayscale(nameof(ImageRow.Image)).GetOutputSchema(images);

        Assert.IsType<ImageDataViewType>(text.ItemType);
        Assert.Equal(SchemaShape.Column.VectorKind.Scalar, text.Kind);
        Assert.Equal(new ImageDataViewType(3, 4), resized.ItemType);
        Assert.Equal((SchemaShape.Column.VectorKind.Vector, NumberDataViewType.Single), (floats.Kind, floats.ItemType));
        Assert.Equal(images.Count, grey.Count);
    }

    [Fact]
    public void Wrong_shapes_are_refused()
    {
        var images = ShapeOf<ImageRow>();

        Columns.AssertSchemaMismatch(() => _ml.Transforms.LoadImages("Out", null, nameof(ImageRow.Image)).GetOutputSchema(images));
        Columns.AssertSchemaMismatch(() => _ml.Transforms.ResizeImages("Out", 4, 3, nameof(ImageRow.Name)).GetOutputSchema(images));
        Columns.AssertSchemaMismatch(() => _ml.Transforms.ExtractPixels("Out", nameof(ImageRow.Name)).GetOutputSchema(images));
        Columns.AssertSchemaMismatch(() => _ml.Transforms.ConvertToImage(2, 3, "Out", nameof(ImageRow.Name)).GetOutputSchema(images));
        Columns.AssertSchemaMismatch(() => _ml.Transforms.ConvertToGrayscale("Out", "Nothing").GetOutputSchema(images));
    }

    private EstimatorChain<ImagePixelExtractingTransformer> Pipeline() =>
        _ml.Transforms.LoadImages("Image", _files.Folder, "Path")
            .Append(_ml.Transforms.ResizeImages("Image", imageWidth: 2, imageHeight: 2))
            .Append(_ml.Transforms.ExtractPixels("Pixels", "Image", scaleImage: 1 / 255f));

    /// <summary>Nothing public makes a shape of a schema; but an estimator that adds columns tells the shape of what it adds.</summary>
    private SchemaShape ShapeOf<TRow>()
        where TRow : class, new() =>
        _ml.Transforms.CustomMapping<Nothing, TRow>((_, _) => { }, contractName: null).GetOutputSchema(new SchemaShape([]));

    private sealed class Nothing;

    private sealed class FileRow
    {
        public string? Path { get; set; }
    }

    private sealed class PixelRow
    {
        [VectorType(12)]
        public float[] Pixels { get; set; } = [];

        [ImageType(2, 2)]
        public MLImage? Image { get; set; }
    }
}
