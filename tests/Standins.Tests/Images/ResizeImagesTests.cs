using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using static Microsoft.ML.Transforms.Image.ImageResizingEstimator;

namespace Standins.Tests.Images;

public class ResizeImagesTests
{
    private static readonly Rgba Red = new(255, 0, 0);
    private static readonly Rgba Green = new(0, 255, 0);
    private static readonly Rgba Blue = new(0, 0, 255);
    private static readonly Rgba White = new(255, 255, 255);

    private readonly MLContext _ml = new(seed: 1);

    [Fact]
    public void The_size_is_known_from_then_on()
    {
        var data = Resize(ImageRow.Data(_ml), nameof(ImageRow.Image), 7, 5, ResizingKind.Fill);

        Assert.Equal(new ImageDataViewType(5, 7), data.Schema["Out"].Type);
        using var image = Assert.Single(data.Read<MLImage>("Out"));
        Assert.Equal((7, 5), (image.Width, image.Height));
    }

    [Fact]
    public void Filling_stretches()
    {
        using var image = Resize(Rgba.Image(16, 4, (x, _) => x < 8 ? Red : Blue), 8, 8, ResizingKind.Fill);

        AssertColors(image, (0, 0, Red), (2, 7, Red), (5, 0, Blue), (7, 7, Blue));
    }

    [Theory]
    [InlineData(Anchor.Left, 0)]
    [InlineData(Anchor.Center, 1)]
    [InlineData(Anchor.Top, 1)]
    [InlineData(Anchor.Right, 2)]
    public void Cropping_keeps_the_part_at_the_anchor(Anchor anchor, int band)
    {
        Rgba[] bands = [Red, Green, Blue];

        using var wide = Resize(Rgba.Image(24, 8, (x, _) => bands[x / 8]), 4, 4, ResizingKind.IsoCrop, anchor);

        AssertColors(wide, (1, 1, bands[band]), (2, 2, bands[band]));
    }

    [Theory]
    [InlineData(Anchor.Top, 0)]
    [InlineData(Anchor.Center, 1)]
    [InlineData(Anchor.Left, 1)]
    [InlineData(Anchor.Bottom, 2)]
    public void Cropping_works_upright_as_well(Anchor anchor, int band)
    {
        Rgba[] bands = [Red, Green, Blue];

        using var tall = Resize(Rgba.Image(8, 24, (_, y) => bands[y / 8]), 4, 4, ResizingKind.IsoCrop, anchor);

        AssertColors(tall, (1, 1, bands[band]), (2, 2, bands[band]));
    }

    [Theory]
    [InlineData(Anchor.Top, 0)]
    [InlineData(Anchor.Center, 2)]
    [InlineData(Anchor.Bottom, 4)]
    public void Padding_surrounds_with_black(Anchor anchor, int firstRow)
    {
        Assert.SkipUnless(Feed.IsStandin || anchor == Anchor.Center, "The real package does not pad at one side only.");
        using var image = Resize(Rgba.Image(16, 8, (_, _) => White), 8, 8, ResizingKind.IsoPad, anchor);

        for (int y = 0; y < 8; y++)
        {
            bool isCovered = y >= firstRow && y < firstRow + 4;
            Assert.Equal(isCovered ? (255, 255, 255) : (0, 0, 0), Rgb(image, 4, y));
        }
    }

    [Fact]
    public void One_colour_stays_that_colour()
    {
        var color = new Rgba(12, 200, 99);
        using var larger = Resize(Rgba.Image(3, 5, (_, _) => color), 31, 17, ResizingKind.Fill);
        using var smaller = Resize(Rgba.Image(31, 17, (_, _) => color), 3, 5, ResizingKind.Fill);

        for (int i = 0; i < 31 * 17; i++)
            Rgba.AssertClose(color, Rgba.At(larger, i % 31, i / 31), $"larger {i}");
        for (int i = 0; i < 15; i++)
            Rgba.AssertClose(color, Rgba.At(smaller, i % 3, i / 3), $"smaller {i}");
    }

    [Fact]
    public void The_stand_in_averages_when_it_shrinks()
    {
        Assert.SkipUnless(Feed.IsStandin, "The real package's resampling is SkiaSharp's.");

        using var image = Resize(Rgba.Image(64, 64, (x, y) => (x + y) % 2 == 0 ? White : new Rgba(0, 0, 0, 0)), 8, 8, ResizingKind.Fill);

        for (int i = 0; i < 64; i++)
            Rgba.AssertClose(White with { Alpha = 128 }, Rgba.At(image, i % 8, i / 8), $"{i}", tolerance: 8);
    }

    [Fact]
    public void A_size_is_positive()
    {
        Assert.ThrowsAny<ArgumentException>(() => _ml.Transforms.ResizeImages("Out", 0, 1, "Image"));
        Assert.ThrowsAny<ArgumentException>(() => _ml.Transforms.ResizeImages("Out", 1, -1, "Image"));
    }

    [Fact]
    public void Only_images_can_be_resized() =>
        Columns.AssertSchemaMismatch(() => _ml.Transforms.ResizeImages("Out", 4, 4, nameof(ImageRow.Name)).Fit(ImageRow.Data(_ml)));

    private MLImage Resize(MLImage image, int width, int height, ResizingKind kind, Anchor anchor = Anchor.Center)
    {
        using var files = new ImageFiles();
        files.Add("image.png", image);
        var paths = ImageFiles.Paths(_ml, "image.png");
        var images = _ml.Transforms.LoadImages("Image", files.Folder, "Path").Fit(paths).Transform(paths);
        return Assert.Single(Resize(images, "Image", width, height, kind, anchor).Read<MLImage>("Out"));
    }

    private IDataView Resize(IDataView data, string column, int width, int height, ResizingKind kind, Anchor anchor = Anchor.Center) =>
        _ml.Transforms.ResizeImages("Out", width, height, column, kind, anchor).Fit(data).Transform(data);

    private static void AssertColors(MLImage image, params (int X, int Y, Rgba Color)[] expected)
    {
        foreach (var (x, y, color) in expected)
            Rgba.AssertClose(color, Rgba.At(image, x, y), $"({x}, {y})", tolerance: 4);
    }

    private static (int Red, int Green, int Blue) Rgb(MLImage image, int x, int y)
    {
        var (red, green, blue, _) = Rgba.At(image, x, y);
        return (red, green, blue);
    }
}
