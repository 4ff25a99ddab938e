using Microsoft.ML.Data;

namespace Standins.Tests.Images;

public class MLImageTests
{
    [Theory]
    [InlineData(MLPixelFormat.Bgra32)]
    [InlineData(MLPixelFormat.Rgba32)]
    public void Pixels_come_back_as_they_were_given(MLPixelFormat format)
    {
        byte[] pixels = [10, 20, 30, 255, 40, 50, 60, 255];

        using var image = MLImage.CreateFromPixels(2, 1, format, pixels);

        Assert.Equal(pixels, image.Pixels.ToArray());
        Assert.Equal((2, 1, 32, format), (image.Width, image.Height, image.BitsPerPixel, image.PixelFormat));
        Assert.Equal(format == MLPixelFormat.Bgra32 ? [10, 20, 30, 40, 50, 60] : [30, 20, 10, 60, 50, 40], image.GetBGRPixels);
    }

    [Fact]
    public void Pixels_are_copied()
    {
        byte[] pixels = [1, 2, 3, 255];
        using var image = MLImage.CreateFromPixels(1, 1, MLPixelFormat.Bgra32, pixels);

        pixels[0] = 99;

        Assert.Equal(1, image.Pixels[0]);
    }

    [Theory]
    [InlineData(1, 1, MLPixelFormat.Bgra32, 3)]
    [InlineData(1, 1, MLPixelFormat.Bgra32, 5)]
    [InlineData(2, 2, MLPixelFormat.Rgba32, 4)]
    [InlineData(0, 1, MLPixelFormat.Rgba32, 0)]
    [InlineData(1, -1, MLPixelFormat.Rgba32, 4)]
    [InlineData(1, 1, MLPixelFormat.Unknown, 4)]
    public void Sizes_that_do_not_fit_are_refused(int width, int height, MLPixelFormat format, int bytes) =>
        Assert.ThrowsAny<ArgumentException>(() => MLImage.CreateFromPixels(width, height, format, new byte[bytes]));

    [Fact]
    public void The_tag_is_the_owners()
    {
        using var image = Rgba.Image(1, 1, (_, _) => default);
        Assert.Null(image.Tag);

        image.Tag = "an apple";

        Assert.Equal("an apple", image.Tag);
    }

    [Fact]
    public void A_disposed_image_has_no_pixels()
    {
        var image = Rgba.Image(1, 1, (_, _) => default);
        image.Dispose();
        image.Dispose();

        Assert.Throws<InvalidOperationException>(() => image.Pixels.Length);
        Assert.Throws<InvalidOperationException>(() => image.GetBGRPixels);
        Assert.Throws<InvalidOperationException>(() => image.Save("never.png"));
    }

    [Theory]
    [InlineData(MLPixelFormat.Bgra32)]
    [InlineData(MLPixelFormat.Rgba32)]
    public void A_saved_image_reads_back(MLPixelFormat format)
    {
        using var image = Rgba.Image(37, 23, (x, y) => new Rgba((byte)(x * 7), (byte)(y * 11), (byte)(x * y)), format);

        using var again = SaveAndRead(image, out _);

        for (int i = 0; i < 37 * 23; i++)
            Assert.Equal(Rgba.At(image, i % 37, i / 37), Rgba.At(again, i % 37, i / 37));
    }

    [Fact]
    public void Transparency_survives()
    {
        static Rgba Color(int x, int y) => new(200, 100, 50, (byte)(x * 50 + y));
        using var image = Rgba.Image(5, 4, (x, y) => Color(x, y).Premultiply());

        using var again = SaveAndRead(image, out _);

        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(Color(i % 5, i / 5).Alpha, Rgba.At(again, i % 5, i / 5).Alpha);
            Rgba.AssertClose(Color(i % 5, i / 5), Rgba.At(again, i % 5, i / 5), $"{i}");
        }
    }

    [Fact]
    public void Colours_are_multiplied_by_alpha_in_memory_and_not_in_the_file()
    {
        byte[] red = [255, 0, 0, 128];
        var png = new TestPng { Width = 1, Height = 1, Color = TestPng.Rgba, Sample = (_, _, channel) => red[channel] };

        using var image = MLImage.CreateFromStream(new MemoryStream(png.Encode()));
        SaveAndRead(image, out var file).Dispose();

        var (inMemory, _, _, alpha) = Rgba.At(image, 0, 0);
        Assert.InRange(inMemory, 127, 129);
        Assert.Equal(128, alpha);
        var saved = TestPng.OnlyPixel(file);
        Assert.InRange(saved[0], 253, 255);
        Assert.Equal([0, 0, 128], saved[1..]);
    }

    [Fact]
    public void The_same_pixels_give_the_same_file()
    {
        using var one = Rgba.Image(16, 16, (x, y) => new Rgba((byte)x, (byte)y, 3), MLPixelFormat.Rgba32);
        using var other = Rgba.Image(16, 16, (x, y) => new Rgba((byte)x, (byte)y, 3), MLPixelFormat.Rgba32);

        SaveAndRead(one, out var first).Dispose();
        SaveAndRead(other, out var second).Dispose();

        Assert.Equal(first, second);
    }

    private static MLImage SaveAndRead(MLImage image, out byte[] file)
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".png");
        try
        {
            image.Save(path);
            file = File.ReadAllBytes(path);
            return MLImage.CreateFromFile(path);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
