using System.Security.Cryptography;
using System.Text;
using Dalle.ML.Bundles;
using Dalle.ML.Images;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Images;

public sealed class ResamplerTests
{
    // SHA-256 of the places that PyTorch 1.13's F.interpolate(mode="nearest") takes from 1 to 64 pixels to 1 to 64, a line each: 14 to 46 and some more are not
    // what whole numbers give.
    [Fact]
    public void Nearest_pixels_are_those_of_PyTorch()
    {
        var sizes = Enumerable.Range(1, 64);
        var lines = sizes.SelectMany(from => sizes.Select(to =>
        {
            var line = new ImageTensor(from, 1, [.. Enumerable.Range(0, from).Select(i => (float)i)]);
            return string.Join(',', FloatResampler.Nearest(line, to, 1).Values) + "\n";
        }));
        Assert.Equal("71933d25bdc3fb33b605d81eee68ccedc0d3b1dcc904b7391fc0d760c127cbc4", Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(string.Concat(lines)))));
    }

    [Fact]
    public void Black_beyond_the_border_darkens_it_whatever_value_black_has()
    {
        float[] values = [.. Enumerable.Range(0, 16).Select(i => 1 - i / 40f)];
        float[] symmetric = Array.ConvertAll(values, value => value * 2 - 1);
        var beside = FloatResampler.Resize(new ImageTensor(4, 4, values), 8, Upsampling.PaddedBicubic, black: 0).Values;
        Assert.True(beside[0] < FloatResampler.Resize(new ImageTensor(4, 4, values), 8, Upsampling.Bicubic, black: 0).Values[0]);
        var ofSymmetric = FloatResampler.Resize(new ImageTensor(4, 4, symmetric), 8, Upsampling.PaddedBicubic, black: -1).Values;
        Assert.All(beside, (value, i) => Assert.Equal(value * 2 - 1, ofSymmetric[i], 1e-5f));
    }

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
