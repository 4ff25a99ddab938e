using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace Standins.Tests.Images;

public class ConvertToImageTests
{
    private readonly MLContext _ml = new(seed: 1);

    [Fact]
    public void Planes_of_floats_become_an_image()
    {
        using var image = Convert(nameof(VectorRow.Floats));

        AssertIsTheImage(image);
    }

    [Fact]
    public void Interleaved_bytes_become_an_image()
    {
        using var image = Convert(nameof(VectorRow.Bytes), interleaved: true);

        AssertIsTheImage(image);
    }

    [Fact]
    public void The_size_is_known_from_then_on()
    {
        var vectors = VectorRow.Data(_ml);

        var data = _ml.Transforms.ConvertToImage(ImageRow.Height, ImageRow.Width, "Out", nameof(VectorRow.Floats))
            .Fit(vectors).Transform(vectors);

        Assert.Equal(new ImageDataViewType(ImageRow.Height, ImageRow.Width), data.Schema["Out"].Type);
    }

    [Fact]
    public void The_vector_must_have_the_size_of_the_image()
    {
        var vectors = VectorRow.Data(_ml);

        Columns.AssertSchemaMismatch(() =>
            _ml.Transforms.ConvertToImage(5, 5, "Out", nameof(VectorRow.Floats)).Fit(vectors).Transform(vectors).Read<MLImage>("Out"));
    }

    [Fact]
    public void A_row_that_breaks_the_promise_of_its_size_is_an_error()
    {
        var whole = VectorRow.Data(_ml);
        var vectors = new VectorRow { Floats = [1, 2, 3], Bytes = [] };
        var data = _ml.Data.LoadFromEnumerable([.. _ml.Data.CreateEnumerable<VectorRow>(whole, false), vectors]);
        var images = _ml.Transforms.ConvertToImage(ImageRow.Height, ImageRow.Width, "Out", nameof(VectorRow.Floats))
            .Fit(data).Transform(data);

        var error = Record.Exception(() => images.Read<MLImage>("Out"));
        Assert.True(error is InvalidOperationException or IndexOutOfRangeException, $"was {error}");
    }

    [Fact]
    public void Texts_are_no_vectors() =>
        Columns.AssertSchemaMismatch(() => _ml.Transforms.ConvertToImage(2, 3, "Out", nameof(ImageRow.Name)).Fit(ImageRow.Data(_ml)));

    private MLImage Convert(string column, bool interleaved = false)
    {
        var vectors = VectorRow.Data(_ml);
        var data = _ml.Transforms.ConvertToImage(ImageRow.Height, ImageRow.Width, "Out", column, interleavedColors: interleaved)
            .Fit(vectors).Transform(vectors);
        return Assert.Single(data.Read<MLImage>("Out"));
    }

    private static void AssertIsTheImage(MLImage image)
    {
        for (int y = 0; y < ImageRow.Height; y++)
        {
            for (int x = 0; x < ImageRow.Width; x++)
                Assert.Equal(ImageRow.Color(x, y), Rgba.At(image, x, y));
        }
    }

    private sealed class VectorRow
    {
        [VectorType(18)]
        public float[]? Floats { get; set; }

        [VectorType(18)]
        public byte[]? Bytes { get; set; }

        public static IDataView Data(MLContext ml) => ml.Data.LoadFromEnumerable([new VectorRow
        {
            Floats = [0, 10, 20, 1, 11, 21, 100, 110, 120, 101, 111, 121, 200, 210, 220, 201, 211, 221],
            Bytes = [0, 100, 200, 10, 110, 210, 20, 120, 220, 1, 101, 201, 11, 111, 211, 21, 121, 221],
        }]);
    }
}
