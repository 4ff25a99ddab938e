using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Images;

public sealed class ImageWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly byte[] _pixels = PictureFiles.Pixels(isGray: false, hasAlpha: false);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(MLPixelFormat.Bgra32, false)]
    [InlineData(MLPixelFormat.Rgba32, false)]
    [InlineData(MLPixelFormat.Bgra32, true)]
    public void A_PNG_has_the_bytes_of_the_file_that_ML_NET_saves(MLPixelFormat format, bool hasAlpha)
    {
        using var image = MLImage.CreateFromPixels(PictureFiles.Width, PictureFiles.Height, format, PictureFiles.Pixels(isGray: false, hasAlpha));
        var path = Path.Combine(_folder.Path, "image.png");
        image.Save(path);
        Assert.Equal(File.ReadAllBytes(path), image.ToPng());
    }

    [Fact]
    public void A_generated_image_is_a_PNG_of_the_bytes_that_ML_NET_saves()
    {
        using var model = DalleModel.LoadDefault();
        using var image = model.DecodeTokens([.. Enumerable.Range(0, 256).Select(i => i * 37 % 1024)]);
        var path = Path.Combine(_folder.Path, "image.png");
        image.Save(path);
        Assert.Equal(File.ReadAllBytes(path), image.ToPng());
        using var read = new ImageReader().Read(image.ToPng());
        Assert.Equal(image.Pixels, read.Pixels);
    }

    [Fact]
    public void A_JPEG_is_the_nearer_the_higher_its_quality()
    {
        using var image = MLImage.CreateFromPixels(PictureFiles.Width, PictureFiles.Height, MLPixelFormat.Bgra32, _pixels);
        var (best, usual, worst) = (image.ToJpeg(100), image.ToJpeg(), image.ToJpeg(0));
        Assert.True(best.Length > usual.Length && usual.Length > worst.Length);
        Assert.InRange(Difference(best), 0, 4);
        Assert.InRange(Difference(usual), 0, 16);
        Assert.Equal([0xFF, 0xD8, 0xFF], best[..3]);

        int Difference(byte[] file)
        {
            using var read = new ImageReader().Read(file);
            return read.Pixels.ToArray().Zip(_pixels, (a, b) => Math.Abs(a - b)).Max();
        }
    }

    [Fact]
    public void A_JPEG_shows_transparency_on_white()
    {
        using var image = MLImage.CreateFromPixels(16, 16, MLPixelFormat.Rgba32, [.. Enumerable.Repeat(new byte[] { 128, 0, 0, 128 }, 256).SelectMany(pixel => pixel)]);
        using var read = new ImageReader().Read(image.ToJpeg(100));
        byte[] pink = [127, 127, 255, 255];
        Assert.All(read.Pixels.ToArray().Chunk(4), pixel => Assert.All(pixel.Zip(pink), pair => Assert.InRange(pair.First - pair.Second, -3, 3)));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(101)]
    public void The_quality_has_a_range(int quality)
    {
        using var image = MLImage.CreateFromPixels(PictureFiles.Width, PictureFiles.Height, MLPixelFormat.Bgra32, _pixels);
        Assert.Contains("0 to 100", Assert.Throws<ArgumentOutOfRangeException>(() => image.ToJpeg(quality)).Message, StringComparison.Ordinal);
    }
}
