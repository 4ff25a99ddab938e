using System.Text;
using Microsoft.ML.Data;

namespace Standins.Tests.Images;

/// <summary>What the stand-in's own codec refuses. SkiaSharp, behind the real package, is more forgiving.</summary>
public class HostilePngTests
{
    public HostilePngTests() =>
        Assert.SkipUnless(Feed.IsStandin, "The real package reads images through SkiaSharp, which has rules of its own.");

    [Theory]
    [InlineData(int.MaxValue, int.MaxValue)]
    [InlineData(-1, 1)]
    [InlineData(1 << 20, 1 << 20)]
    [InlineData(0, 8)]
    [InlineData(8, 0)]
    public void A_size_out_of_reason_is_refused(int width, int height) =>
        AssertRefused(Header(width, height), "pixels");

    [Fact]
    public void A_size_that_the_data_cannot_hold_is_refused_before_memory_is_taken()
    {
        long before = GC.GetAllocatedBytesForCurrentThread();

        AssertRefused(Header(10_000, 10_000), "truncated");

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void A_chunk_that_promises_more_than_the_file_has_is_refused_before_memory_is_taken()
    {
        var png = new TestPng { Width = 4, Height = 4 }.Encode();
        int data = png.AsSpan().IndexOf("IDAT"u8);
        png[data - 4] = 0x7F;
        long before = GC.GetAllocatedBytesForCurrentThread();

        AssertRefused(png, "truncated");

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void A_wrong_checksum_is_refused()
    {
        var png = new TestPng { Width = 4, Height = 4 }.Encode();
        int data = png.AsSpan().IndexOf("IDAT"u8);
        png[data + 8] ^= 1;

        AssertRefused(png, "checksum of its IDAT");
    }

    [Fact]
    public void Every_truncation_is_refused()
    {
        var png = new TestPng { Width = 4, Height = 4 }.Encode();
        for (int length = 0; length < png.Length; length++)
            Assert.ThrowsAny<ArgumentException>(() => MLImage.CreateFromStream(new MemoryStream(png[..length])));
    }

    [Fact]
    public void Every_flipped_bit_is_refused()
    {
        var png = new TestPng { Width = 3, Height = 3, Interlaced = true, Filters = [4] }.Encode();
        for (int i = 0; i < png.Length * 8; i++)
        {
            var spoiled = png.ToArray();
            spoiled[i / 8] ^= (byte)(1 << (i % 8));
            Assert.ThrowsAny<ArgumentException>(() => MLImage.CreateFromStream(new MemoryStream(spoiled)));
        }
    }

    [Fact]
    public void Too_few_rows_are_refused() =>
        AssertRefused(new TestPng { Width = 4, Height = 4, Spoil = rows => rows[..^1] }.Encode(), "fewer data");

    [Fact]
    public void Too_many_rows_are_refused() =>
        AssertRefused(new TestPng { Width = 4, Height = 4, Spoil = rows => [.. rows, .. rows] }.Encode(), "more data");

    [Fact]
    public void A_bomb_is_refused_without_being_inflated()
    {
        var png = new TestPng { Width = 4, Height = 4, Spoil = _ => new byte[1 << 24] }.Encode();
        long before = GC.GetAllocatedBytesForCurrentThread();

        AssertRefused(png, "more data");

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void An_unknown_filter_is_refused() => AssertRefused(new TestPng { Width = 4, Height = 4, Filters = [5] }.Encode(), "filter 5");

    [Theory]
    [InlineData(TestPng.Rgb, 4)]
    [InlineData(TestPng.Palette, 16)]
    [InlineData(1, 8)]
    [InlineData(TestPng.Grey, 3)]
    public void A_colour_type_that_does_not_exist_is_refused(int color, int bitDepth) =>
        AssertRefused(new TestPng { Width = 4, Height = 4, Color = color, BitDepth = bitDepth }.Encode(), "does not exist");

    [Fact]
    public void A_palette_image_needs_a_palette_that_has_its_entries()
    {
        AssertRefused(new TestPng { Width = 4, Height = 4, Color = TestPng.Palette }.Encode(), "palette is missing");
        AssertRefused(new TestPng { Width = 4, Height = 4, Color = TestPng.Palette, Colors = [1, 2] }.Encode(), "palette");
        AssertRefused(
            new TestPng { Width = 4, Height = 4, Color = TestPng.Palette, Colors = [1, 2, 3], Sample = (x, _, _) => x }.Encode(),
            "no entry 1");
    }

    [Fact]
    public void A_transparent_colour_of_the_wrong_length_is_refused() =>
        AssertRefused(new TestPng { Width = 4, Height = 4, Transparency = [1] }.Encode(), "transparent");

    [Fact]
    public void Garbage_instead_of_compressed_data_is_refused()
    {
        using var file = new MemoryStream();
        file.Write(new TestPng { Width = 4, Height = 4 }.Encode().AsSpan(0, 8 + 25));
        TestPng.WriteChunk(file, "IDAT", Encoding.ASCII.GetBytes("this is no zlib stream"));
        TestPng.WriteChunk(file, "IEND", []);

        AssertRefused(file.ToArray(), "cannot be decompressed");
    }

    [Fact]
    public void An_unknown_critical_chunk_is_refused()
    {
        using var file = new MemoryStream();
        file.Write(new TestPng { Width = 4, Height = 4 }.Encode().AsSpan(0, 8 + 25));
        TestPng.WriteChunk(file, "XXXX", []);

        AssertRefused(file.ToArray(), "XXXX");
    }

    [Theory]
    [InlineData("JPEG", new byte[] { 0xFF, 0xD8, 0xFF, 0xE0, 0, 0x10, 0x4A, 0x46, 0x49, 0x46, 0, 1 })]
    [InlineData("GIF", new byte[] { 0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 1, 0, 1, 0 })]
    [InlineData("BMP", new byte[] { 0x42, 0x4D, 0x3A, 0, 0, 0, 0, 0, 0, 0 })]
    [InlineData("WebP", new byte[] { 0x52, 0x49, 0x46, 0x46, 1, 0, 0, 0, 0x57, 0x45, 0x42, 0x50 })]
    [InlineData("TIFF", new byte[] { 0x49, 0x49, 0x2A, 0, 8, 0, 0, 0 })]
    [InlineData("AVIF", new byte[] { 0, 0, 0, 0x20, 0x66, 0x74, 0x79, 0x70, 0x61, 0x76, 0x69, 0x66 })]
    public void Another_format_is_named_and_so_is_the_package_that_reads_it(string format, byte[] file)
    {
        AssertRefused(file, format);
        AssertRefused(file, "Microsoft.ML.ImageAnalytics");
    }

    [Theory]
    [InlineData("image.jpg")]
    [InlineData("image.webp")]
    [InlineData("image")]
    public void Other_formats_are_not_written(string path)
    {
        using var image = Rgba.Image(1, 1, (_, _) => new Rgba(1, 2, 3));

        var e = Assert.ThrowsAny<ArgumentException>(() => image.Save(path));

        Assert.Contains("Microsoft.ML.ImageAnalytics", e.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(path));
    }

    [Fact]
    public void A_row_out_of_reason_is_refused() => AssertRefused(Header(1 << 27, 1, bitDepth: 16), "bytes are read of a row");

    [Fact]
    public void A_chunk_of_no_use_takes_no_memory()
    {
        var png = new TestPng { Width = 1, Height = 1 }.Encode();
        using var file = new MemoryStream();
        file.Write(png.AsSpan(0, 8 + 25));
        TestPng.WriteChunk(file, "zzZz", new byte[1 << 22]);
        file.Write(png.AsSpan(8 + 25));
        file.Position = 0;
        long before = GC.GetAllocatedBytesForCurrentThread();

        using var image = MLImage.CreateFromStream(file);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    private static byte[] Header(int width, int height, byte bitDepth = 8)
    {
        var png = new TestPng { Width = 1, Height = 1 }.Encode();
        using var file = new MemoryStream();
        file.Write(png.AsSpan(0, 8));
        var header = png.AsSpan(16, 13).ToArray();
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(header, width);
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        header[8] = bitDepth;
        TestPng.WriteChunk(file, "IHDR", header);
        file.Write(png.AsSpan(8 + 25));
        return file.ToArray();
    }

    private static void AssertRefused(byte[] file, string reason)
    {
        var e = Assert.ThrowsAny<ArgumentException>(() => MLImage.CreateFromStream(new MemoryStream(file)));
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
    }
}
