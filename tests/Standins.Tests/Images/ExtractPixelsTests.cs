using Microsoft.ML;
using Microsoft.ML.Data;
using static Microsoft.ML.Transforms.Image.ImagePixelExtractingEstimator;

namespace Standins.Tests.Images;

public class ExtractPixelsTests
{
    private const string Image = nameof(ImageRow.Image);

    private readonly MLContext _ml = new(seed: 1);

    [Theory]
    [InlineData(MLPixelFormat.Bgra32)]
    [InlineData(MLPixelFormat.Rgba32)]
    public void Colours_are_planes_of_floats_unless_told_otherwise(MLPixelFormat format)
    {
        var images = ImageRow.Data(_ml, format);

        var data = _ml.Transforms.ExtractPixels("Out", Image).Fit(images).Transform(images);

        Assert.Equal(new VectorDataViewType(NumberDataViewType.Single, 3, 2, 3), data.Schema["Out"].Type);
        Assert.Equal(
            [0, 10, 20, 1, 11, 21, 100, 110, 120, 101, 111, 121, 200, 210, 220, 201, 211, 221],
            Values<float>(data));
    }

    [Fact]
    public void Colours_can_be_interleaved()
    {
        var images = ImageRow.Data(_ml);

        var data = _ml.Transforms.ExtractPixels("Out", Image, interleavePixelColors: true).Fit(images).Transform(images);

        Assert.Equal(new VectorDataViewType(NumberDataViewType.Single, 2, 3, 3), data.Schema["Out"].Type);
        Assert.Equal(
            [0, 100, 200, 10, 110, 210, 20, 120, 220, 1, 101, 201, 11, 111, 211, 21, 121, 221],
            Values<float>(data));
    }

    [Fact]
    public void The_offset_is_taken_off_before_the_scale_is_applied()
    {
        var images = ImageRow.Data(_ml);

        var data = _ml.Transforms.ExtractPixels("Out", Image, ColorBits.Red, offsetImage: 10, scaleImage: 0.5f)
            .Fit(images).Transform(images);

        Assert.Equal([-5, 0, 5, -4.5f, 0.5f, 5.5f], Values<float>(data));
    }

    [Theory]
    [InlineData(ColorsOrder.ARGB, new byte[] { 255, 0, 100, 200 })]
    [InlineData(ColorsOrder.ARBG, new byte[] { 255, 0, 200, 100 })]
    [InlineData(ColorsOrder.ABRG, new byte[] { 255, 200, 0, 100 })]
    [InlineData(ColorsOrder.ABGR, new byte[] { 255, 200, 100, 0 })]
    [InlineData(ColorsOrder.AGRB, new byte[] { 255, 100, 0, 200 })]
    [InlineData(ColorsOrder.AGBR, new byte[] { 255, 100, 200, 0 })]
    public void The_order_of_colours_can_be_chosen(ColorsOrder order, byte[] firstPixel)
    {
        var images = ImageRow.Data(_ml);

        var data = _ml.Transforms
            .ExtractPixels("Out", Image, ColorBits.All, order, interleavePixelColors: true, outputAsFloatArray: false)
            .Fit(images).Transform(images);

        Assert.Equal(new VectorDataViewType(NumberDataViewType.Byte, 2, 3, 4), data.Schema["Out"].Type);
        Assert.Equal(firstPixel, Values<byte>(data)[..4]);
    }

    [Fact]
    public void Single_colours_can_be_chosen()
    {
        var images = ImageRow.Data(_ml);

        var data = _ml.Transforms.ExtractPixels("Out", Image, ColorBits.Blue | ColorBits.Red, outputAsFloatArray: false)
            .Fit(images).Transform(images);

        Assert.Equal([0, 10, 20, 1, 11, 21, 200, 210, 220, 201, 211, 221], Values<byte>(data));
    }

    [Fact]
    public void The_size_must_be_known()
    {
        var paths = ImageFiles.Paths(_ml, "any.png");
        var images = _ml.Transforms.LoadImages("Image", null, "Path").Fit(paths).Transform(paths);

        Columns.AssertSchemaMismatch(() => _ml.Transforms.ExtractPixels("Out", "Image").Fit(images));
    }

    [Fact]
    public void Only_images_have_pixels() =>
        Columns.AssertSchemaMismatch(() => _ml.Transforms.ExtractPixels("Out", nameof(ImageRow.Name)).Fit(ImageRow.Data(_ml)));

    private static T[] Values<T>(IDataView data) => [.. Assert.Single(data.Read<VBuffer<T>>("Out")).DenseValues()];
}
