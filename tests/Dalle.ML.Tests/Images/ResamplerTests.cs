using Dalle.ML.Bundles;
using Dalle.ML.Images;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Images;

public sealed class ResamplerTests
{
    [Theory]
    [InlineData(64, 64)]
    [InlineData(300, 100)]
    [InlineData(33, 500)]
    [InlineData(1, 1)]
    public void A_flat_image_stays_flat_at_any_size(int width, int height)
    {
        var image = new ImageTensor(width, height, [.. Enumerable.Repeat(0.4f, 3 * width * height)]);
        foreach (var filter in Enum.GetValues<ResampleFilter>())
            Assert.All(Resampler.ResizeAndCenterCrop(image, 64, 64, filter).Values, value => Assert.Equal(0.4f, value, tolerance: 1e-5f));
    }

    [Theory]
    [InlineData(1, 1_000_000)]
    [InlineData(3_000_000, 2)]
    public void A_sliver_takes_no_more_memory_than_its_middle(int width, int height)
    {
        var image = new ImageTensor(width, height, new float[3 * width * height]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(3 * 64 * 64, Resampler.ResizeAndCenterCrop(image, 64, 64, ResampleFilter.Lanczos).Values.Length);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10 << 20);
    }

    [Fact]
    public void The_middle_is_cut_out()
    {
        // Black, white and black stripes of equal width: the square in the middle is white.
        var image = new ImageTensor(300, 100, [.. Enumerable.Range(0, 3 * 100 * 300).Select(i => i % 300 is >= 100 and < 200 ? 1f : 0f)]);
        var fitted = Resampler.ResizeAndCenterCrop(image, 50, 50, ResampleFilter.Lanczos);
        Assert.True(fitted.Values.Average() > 0.97);
    }

    [Fact]
    public void Shrinking_averages_what_would_alias()
    {
        var checkered = new ImageTensor(256, 256, [.. Enumerable.Range(0, 3 * 256 * 256).Select(i => (i / 256 + i % 256) % 2 == 0 ? 1f : 0f)]);
        Assert.All(Resampler.ResizeAndCenterCrop(checkered, 32, 32, ResampleFilter.Bicubic).Values, value => Assert.Equal(0.5f, value, tolerance: 0.02f));
    }

    [Fact]
    public void Pixels_survive_the_way_to_planes_and_back()
    {
        byte[] pixels = [.. Enumerable.Range(0, 5 * 4).SelectMany(i => new byte[] { (byte)(i * 3), (byte)(i * 7), (byte)(255 - i), 255 })];
        foreach (var format in new[] { MLPixelFormat.Bgra32, MLPixelFormat.Rgba32 })
        {
            using var image = MLImage.CreateFromPixels(5, 4, format, pixels);
            using var back = ImageTensor.From(image).ToImage();
            Assert.Equal(image.GetBGRPixels, back.GetBGRPixels);
        }
    }

    [Fact]
    public void Transparency_is_shown_on_white()
    {
        // Colours are kept multiplied by alpha: half-transparent red over white is pink.
        using var image = MLImage.CreateFromPixels(2, 1, MLPixelFormat.Rgba32, [0, 0, 0, 0, 128, 0, 0, 128]);
        Assert.Equal([1, 1, 1, 127f / 255, 1, 127f / 255], ImageTensor.From(image).Values);
    }
}
