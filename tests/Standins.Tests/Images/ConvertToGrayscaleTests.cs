using Microsoft.ML;
using Microsoft.ML.Data;

namespace Standins.Tests.Images;

public class ConvertToGrayscaleTests
{
    private readonly MLContext _ml = new(seed: 1);

    [Fact]
    public void Colours_become_greys_of_the_same_size()
    {
        var images = ImageRow.Data(_ml);

        var data = _ml.Transforms.ConvertToGrayscale("Out", nameof(ImageRow.Image)).Fit(images).Transform(images);

        using var image = Assert.Single(data.Read<MLImage>("Out"));
        Assert.Equal((ImageRow.Width, ImageRow.Height), (image.Width, image.Height));
        for (int i = 0; i < ImageRow.Width * ImageRow.Height; i++)
        {
            var color = ImageRow.Color(i % ImageRow.Width, i / ImageRow.Width);
            var grey = Rgba.At(image, i % ImageRow.Width, i / ImageRow.Width);
            Assert.Equal((grey.Red, grey.Red), (grey.Green, grey.Blue));
            Assert.InRange(grey.Red, color.Red, color.Blue);
        }
    }

    [Fact]
    public void Only_images_can_be_made_grey() =>
        Columns.AssertSchemaMismatch(() => _ml.Transforms.ConvertToGrayscale("Out", nameof(ImageRow.Name)).Fit(ImageRow.Data(_ml)));
}
