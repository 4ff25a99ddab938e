using Dalle.ML.Bundles;
using Dalle.ML.Images;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Images;

public sealed class UpscalerTests
{
    [Fact]
    public void Grey_stays_grey_and_transparency_stays_transparent()
    {
        using var model = DalleModel.Load(TinyUpscaler.Path);
        using var grey = Picture(20, 30, (x, y) => ((byte)(x * 9), (byte)(x * 9), (byte)(x * 9), 255));
        using var large = model.Upscale(grey);
        Assert.Equal((80, 120), (large.Width, large.Height));
        Assert.All(large.Pixels.ToArray().Chunk(4), pixel => Assert.True(pixel[0] == pixel[1] && pixel[1] == pixel[2] && pixel[3] == 255));

        using var half = Picture(20, 30, (x, y) => x < 10 ? ((byte)0, (byte)0, (byte)0, (byte)0) : ((byte)200, (byte)(y * 5), (byte)30, (byte)255));
        using var enlarged = model.Upscale(half);
        Assert.Contains(enlarged.Pixels.ToArray().Chunk(4), pixel => pixel[3] < 255);
        Assert.All(enlarged.Pixels.ToArray().Chunk(4), pixel => Assert.True(pixel[..3].Max() <= pixel[3]));
    }

    [Fact]
    public void Progress_counts_up_to_the_whole_and_cancelling_ends_it()
    {
        using var model = DalleModel.Load(TinyUpscaler.Path);
        using var image = Picture(100, 70, (x, y) => ((byte)x, (byte)y, (byte)0, (byte)128));
        var reports = new List<double>();
        using var cancelled = new CancellationTokenSource();
        using (model.Upscale(image, new Immediate(reports.Add)))
        {
        }
        Assert.Equal(reports.Order(), reports);
        // Three by two tiles of 48 pixels, for the colours and for the opacity.
        Assert.Equal(2 * 6, reports.Count);
        Assert.Equal(1, reports[^1]);
        Assert.ThrowsAny<OperationCanceledException>(() => model.Upscale(image, new Immediate(_ => cancelled.Cancel()), cancelled.Token));
    }

    [Fact]
    public void An_image_whose_enlargement_is_too_large_is_refused_by_its_sizes()
    {
        using var model = DalleModel.Load(TinyUpscaler.Path);
        using var image = Picture(2001, 2001, (_, _) => (0, 0, 0, 255));
        var error = Assert.Throws<ArgumentException>(() => model.Upscale(image));
        Assert.Contains("8004 × 8004", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Every pixel of an image comes from one tile, whatever the sizes, and no position reads beyond the image.</summary>
    [Theory]
    [InlineData(TileEdges.Clipped)]
    [InlineData(TileEdges.Repeated)]
    internal void Tiles_cover_an_axis_once(TileEdges edges)
    {
        foreach (var (length, size, overlap, mirror, multiple) in
            from length in new[] { 1, 2, 7, 16, 33 }
            from size in new[] { 2, 8, 16, 64 }
            from overlap in new[] { 0, 2, 20 }
            from mirror in new[] { 0, 1, 15 }
            from multiple in new[] { 1, 2 }
            select (length, size, overlap, mirror, multiple))
        {
            var graph = new UpscalerGraph { File = "x.onnx", Factor = 2, Multiple = multiple, Edges = edges, TileSize = size, Overlap = overlap, Mirror = mirror };
            var axis = TileAxis.Cut(length, graph);
            Assert.All(axis.Sources, source => Assert.InRange(source, 0, length - 1));
            var covered = axis.Tiles.SelectMany(tile => Enumerable.Range(tile.Target, tile.Used)).Where(place => place >= 0 && place < length);
            Assert.Equal(Enumerable.Range(0, length), covered);
            Assert.All(axis.Tiles, tile =>
            {
                Assert.Equal(0, tile.Length % multiple);
                Assert.InRange(tile.Start + tile.Length, 1, axis.Sources.Length);
                foreach (var i in Enumerable.Range(0, tile.Used).Where(i => tile.Target + i >= 0 && tile.Target + i < length))
                    Assert.Equal(tile.Target + i, axis.Sources[tile.Start + tile.Margin + i]);
            });
        }
    }

    private static MLImage Picture(int width, int height, Func<int, int, (byte Red, byte Green, byte Blue, byte Alpha)> color)
    {
        var pixels = new byte[4 * width * height];
        for (var i = 0; i < width * height; i++)
        {
            var (red, green, blue, alpha) = color(i % width, i / width);
            (pixels[4 * i], pixels[4 * i + 1], pixels[4 * i + 2], pixels[4 * i + 3]) =
                ((byte)(blue * alpha / 255), (byte)(green * alpha / 255), (byte)(red * alpha / 255), alpha);
        }
        return MLImage.CreateFromPixels(width, height, MLPixelFormat.Bgra32, pixels);
    }

    private sealed class Immediate(Action<double> report) : IProgress<double>
    {
        public void Report(double value) => report(value);
    }
}
