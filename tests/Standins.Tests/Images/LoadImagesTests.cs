using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace Standins.Tests.Images;

public class LoadImagesTests
{
    private readonly MLContext _ml = new(seed: 1);

    [Fact]
    public void Paths_become_images()
    {
        Assert.SkipUnless(Feed.IsStandin, "The real package disposes an image that it loaded when its cursor moves on.");
        using var files = new ImageFiles();
        files.Add("one.png", Rgba.Image(3, 2, (_, _) => new Rgba(1, 2, 3)));
        files.Add("two.png", Rgba.Image(5, 4, (_, _) => new Rgba(4, 5, 6)));
        var paths = ImageFiles.Paths(_ml, "one.png", "two.png");

        var data = _ml.Transforms.LoadImages("Image", files.Folder, "Path").Fit(paths).Transform(paths);

        Assert.Equal(new ImageDataViewType(), data.Schema["Image"].Type);
        var images = data.Read<MLImage>("Image");
        Assert.Equal([(3, 2), (5, 4)], images.Select(image => (image.Width, image.Height)));
        Assert.Equal([new Rgba(1, 2, 3), new Rgba(4, 5, 6)], images.Select(image => Rgba.At(image, 1, 1)));
    }

    [Fact]
    public void Without_a_folder_paths_are_taken_as_they_are()
    {
        Assert.SkipUnless(Feed.IsStandin, "The real package disposes an image that it loaded when its cursor moves on.");
        using var files = new ImageFiles();
        files.Add("one.png", Rgba.Image(3, 2, (_, _) => new Rgba(1, 2, 3)));
        var paths = ImageFiles.Paths(_ml, Path.Combine(files.Folder, "one.png"));

        var data = _ml.Transforms.LoadImages("Path", null).Fit(paths).Transform(paths);

        Assert.Equal(3, Assert.Single(data.Read<MLImage>("Path")).Width);
    }

    [Fact]
    public void No_file_is_opened_before_its_image_is_read()
    {
        var paths = ImageFiles.Paths(_ml, "missing.png");

        var data = _ml.Transforms.LoadImages("Image", null, "Path").Fit(paths).Transform(paths);

        Assert.Equal("missing.png", Assert.Single(data.Read<ReadOnlyMemory<char>>("Path")).ToString());
        Assert.ThrowsAny<Exception>(() => data.Read<MLImage>("Image"));
    }

    [Fact]
    public void The_image_of_the_row_before_is_disposed_by_the_next()
    {
        using var files = new ImageFiles();
        files.Add("one.png", Rgba.Image(3, 2, (_, _) => new Rgba(1, 2, 3)));
        var paths = ImageFiles.Paths(_ml, "one.png", "one.png");
        var data = _ml.Transforms.LoadImages("Image", files.Folder, "Path").Fit(paths).Transform(paths);
        using var cursor = data.GetRowCursor(data.Schema);
        var getter = cursor.GetGetter<MLImage>(data.Schema["Image"]);
        MLImage image = null!;

        cursor.MoveNext();
        getter(ref image);
        var first = image;
        Assert.Equal(24, first.Pixels.Length);
        cursor.MoveNext();
        getter(ref image);

        Assert.NotSame(first, image);
        Assert.Throws<InvalidOperationException>(() => first.Pixels.Length);
        image.Dispose();
    }

    [Fact]
    public void A_path_is_a_text() =>
        Columns.AssertSchemaMismatch(() => _ml.Transforms.LoadImages("Out", null, nameof(ImageRow.Image)).Fit(ImageRow.Data(_ml)));

    [Fact]
    public void The_input_must_be_there() =>
        Columns.AssertSchemaMismatch(() => _ml.Transforms.LoadImages("Out", null, "Nothing").Fit(ImageRow.Data(_ml)));
}
