using Microsoft.ML.Data;

namespace Standins.Tests.Images;

public class PngReadingTests
{
    private static readonly byte[] FourColors = [255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30];

    public static TheoryData<int, int> Kinds => new()
    {
        { TestPng.Grey, 1 }, { TestPng.Grey, 2 }, { TestPng.Grey, 4 }, { TestPng.Grey, 8 }, { TestPng.Grey, 16 },
        { TestPng.Rgb, 8 }, { TestPng.Rgb, 16 },
        { TestPng.GreyAlpha, 8 }, { TestPng.GreyAlpha, 16 },
        { TestPng.Rgba, 8 }, { TestPng.Rgba, 16 },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_kind_of_sample_is_read(int color, int bitDepth) => AssertReads(color, bitDepth, 11, 9, interlaced: false);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_kind_of_sample_is_read_interlaced(int color, int bitDepth) => AssertReads(color, bitDepth, 11, 9, interlaced: true);

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 9)]
    [InlineData(9, 1)]
    [InlineData(2, 3)]
    [InlineData(4, 4)]
    [InlineData(5, 5)]
    public void Small_interlaced_images_have_empty_passes(int width, int height) =>
        AssertReads(TestPng.Rgb, 8, width, height, interlaced: true);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    public void A_palette_is_looked_up(int bitDepth)
    {
        int colors = bitDepth == 1 ? 2 : 4;
        using var image = Read(new TestPng
        {
            Width = 7,
            Height = 3,
            Color = TestPng.Palette,
            BitDepth = bitDepth,
            Colors = FourColors[..(colors * 3)],
            Sample = (x, y, _) => (x + y) % colors,
        });

        AssertPixels(image, 7, 3, (x, y) =>
        {
            int entry = (x + y) % colors * 3;
            return new Rgba(FourColors[entry], FourColors[entry + 1], FourColors[entry + 2]);
        });
    }

    [Fact]
    public void A_palette_may_be_transparent_in_its_first_entries()
    {
        using var image = Read(new TestPng
        {
            Width = 4,
            Height = 1,
            Color = TestPng.Palette,
            Colors = FourColors,
            Transparency = [0, 128],
            Sample = (x, _, _) => x,
        });

        Assert.Equal([0, 128, 255, 255], Enumerable.Range(0, 4).Select(x => (int)Rgba.At(image, x, 0).Alpha));
    }

    [Theory]
    [InlineData(TestPng.Grey, 4, new byte[] { 0, 5 })]
    [InlineData(TestPng.Grey, 8, new byte[] { 0, 5 })]
    [InlineData(TestPng.Rgb, 8, new byte[] { 0, 5, 0, 5, 0, 5 })]
    public void One_colour_may_be_transparent(int color, int bitDepth, byte[] transparency)
    {
        using var image = Read(new TestPng
        {
            Width = 8,
            Height = 1,
            Color = color,
            BitDepth = bitDepth,
            Transparency = transparency,
            Sample = (x, _, _) => x,
        });

        Assert.Equal([255, 255, 255, 255, 255, 0, 255, 255], Enumerable.Range(0, 8).Select(x => (int)Rgba.At(image, x, 0).Alpha));
    }

    [Fact]
    public void Data_may_come_in_many_chunks()
    {
        using var image = Read(new TestPng { Width = 20, Height = 20, Sample = Noise(8), ChunkSize = 7 });

        AssertPixels(image, 20, 20, (x, y) => Expected(TestPng.Rgb, 8, x, y));
    }

    [Fact]
    public void A_file_is_read_like_a_stream()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".png");
        File.WriteAllBytes(path, new TestPng { Width = 6, Height = 5, Sample = Noise(8) }.Encode());
        try
        {
            using var image = MLImage.CreateFromFile(path);

            AssertPixels(image, 6, 5, (x, y) => Expected(TestPng.Rgb, 8, x, y));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_stream_without_an_image_is_refused() =>
        Assert.ThrowsAny<ArgumentException>(() => MLImage.CreateFromStream(new MemoryStream([1, 2, 3])));

    [Fact]
    public void A_missing_file_is_refused() =>
        Assert.ThrowsAny<ArgumentException>(() => MLImage.CreateFromFile(Path.Combine(Path.GetTempPath(), Path.GetRandomFileName())));

    [Fact]
    public void Null_is_refused()
    {
        Assert.ThrowsAny<ArgumentNullException>(() => MLImage.CreateFromStream(null));
        Assert.ThrowsAny<ArgumentNullException>(() => MLImage.CreateFromFile(null));
    }

    private static void AssertReads(int color, int bitDepth, int width, int height, bool interlaced)
    {
        using var image = Read(new TestPng
        {
            Width = width,
            Height = height,
            Color = color,
            BitDepth = bitDepth,
            Interlaced = interlaced,
            Filters = [0, 1, 2, 3, 4],
            Sample = Noise(bitDepth),
        });

        AssertPixels(image, width, height, (x, y) => Expected(color, bitDepth, x, y));
    }

    private static MLImage Read(TestPng png) => MLImage.CreateFromStream(new MemoryStream(png.Encode()));

    private static void AssertPixels(MLImage image, int width, int height, Func<int, int, Rgba> expected)
    {
        Assert.Equal((width, height), (image.Width, image.Height));
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
                Rgba.AssertClose(expected(x, y), Rgba.At(image, x, y), $"({x}, {y})");
        }
    }

    /// <summary>Samples without a pattern; those of 16 bits have equal bytes, so that any way to shorten them gives the same.</summary>
    private static Func<int, int, int, int> Noise(int bitDepth) => (x, y, channel) =>
    {
        int value = (x * 73 + y * 151 + channel * 199 + x * y * 31) % 256;
        return bitDepth == 16 ? value * 257 : value >> (8 - bitDepth);
    };

    private static Rgba Expected(int color, int bitDepth, int x, int y)
    {
        var sample = Noise(bitDepth);
        byte At(int channel) => (byte)Math.Round(sample(x, y, channel) * 255.0 / ((1 << bitDepth) - 1));
        return color switch
        {
            TestPng.Grey => new Rgba(At(0), At(0), At(0)),
            TestPng.GreyAlpha => new Rgba(At(0), At(0), At(0), At(1)),
            TestPng.Rgb => new Rgba(At(0), At(1), At(2)),
            _ => new Rgba(At(0), At(1), At(2), At(3)),
        };
    }
}
