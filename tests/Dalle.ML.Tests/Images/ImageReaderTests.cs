using System.Buffers.Binary;
using System.Text;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Images;

public sealed class ImageReaderTests : IDisposable
{
    private readonly ImageReader _reader = new();
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string, bool, bool> Lossless => new()
    {
        { "rgb.png", false, false },
        { "rgb.bmp", false, false },
        { "rgb.gif", false, false },
        { "rgb.webp", false, false },
        { "rgb-16.png", false, false },
        { "palette.png", false, false },
        { "gray.png", true, false },
        { "gray-16.png", true, false },
        { "alpha.png", false, true },
        { "alpha.webp", false, true },
        { "palette-alpha.png", false, true },
        { "gray-alpha.png", true, true },
    };

    public static TheoryData<string> Lossy => ["lossy.jpg", "lossy-progressive.jpg", "lossy-cmyk.jpg", "lossy-gray.jpg", "lossy.webp"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Lossless))]
    public void Files_without_loss_have_the_pixels_that_were_put_in(string file, bool isGray, bool hasAlpha)
    {
        using var image = _reader.Read(PictureFiles.PathOf(file));
        Assert.Equal((PictureFiles.Width, PictureFiles.Height, MLPixelFormat.Bgra32), (image.Width, image.Height, image.PixelFormat));
        Assert.Equal(PictureFiles.Pixels(isGray, hasAlpha), image.Pixels);
    }

    [Theory]
    [MemberData(nameof(Lossy))]
    public void Files_with_loss_have_the_pixels_that_Pillow_sees(string file)
    {
        using var image = _reader.Read(PictureFiles.PathOf(file));
        using var expected = _reader.Read(PictureFiles.PathOf(file + ".png"));
        Assert.Equal((PictureFiles.Width, PictureFiles.Height), (image.Width, image.Height));
        Assert.InRange(image.Pixels.ToArray().Zip(expected.Pixels.ToArray(), (a, b) => Math.Abs(a - b)).Max(), 0, 1);
    }

    /// <summary>What <c>LoadImages</c> of ML.NET reads, which is its own matter: the same pixels, but no orientation, and no word of a truncated file.</summary>
    [Fact]
    public void LoadImages_reads_the_same_kinds_and_knows_neither_orientation_nor_truncation()
    {
        var ml = new MLContext();
        string[] files = [.. Lossless.Select(row => row.Data.Item1), .. Lossy.Select(row => row.Data)];
        var loaded = Load([.. files, "exif6.jpg", "trunc.png", "trunc.jpg"]);
        foreach (var (file, image) in files.Zip(loaded))
        {
            using var read = _reader.Read(PictureFiles.PathOf(file));
            Assert.True(read.Pixels.SequenceEqual(image.Pixels), file);
        }
        var rest = loaded[files.Length..];
        Assert.Equal([(64, 96), (64, 64), (64, 64)], rest.Select(image => (image.Width, image.Height)));
        Assert.All(rest[1..], image => Assert.Single(image.Pixels[^(4 * image.Width)..].Chunk(4).Select(Convert.ToHexString).Distinct()));

        (int Width, int Height, byte[] Pixels)[] Load(string[] names)
        {
            var data = ml.Data.LoadFromEnumerable(names.Select(name => new { Path = name }));
            var view = ml.Transforms.LoadImages("Image", PictureFiles.PathOf(""), "Path").Fit(data).Transform(data);
            return [.. view.GetColumn<MLImage>("Image").Select(image => (image.Width, image.Height, image.Pixels.ToArray()))];
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public void A_picture_is_turned_upright_as_its_orientation_says(int orientation)
    {
        using var image = _reader.Read(PictureFiles.PathOf($"exif{orientation}.webp"));
        Assert.Equal((PictureFiles.Width, PictureFiles.Height), (image.Width, image.Height));
        Assert.Equal(PictureFiles.Pixels(isGray: false, hasAlpha: false), image.Pixels);
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(2, false)]
    [InlineData(3, true)]
    [InlineData(4, false)]
    [InlineData(5, true)]
    [InlineData(6, false)]
    [InlineData(7, true)]
    [InlineData(8, false)]
    public void A_PNG_is_turned_as_its_eXIf_chunk_says(int orientation, bool isLittle)
    {
        using var webp = _reader.Read(PictureFiles.PathOf($"exif{orientation}.webp"));
        using var turned = _reader.Read(WithExif(Lying(orientation), Exif(orientation, isLittle)));
        Assert.Equal(webp.Pixels, turned.Pixels);
    }

    [Fact]
    public void An_eXIf_chunk_that_is_no_EXIF_turns_nothing()
    {
        var png = File.ReadAllBytes(PictureFiles.PathOf("rgb.png"));
        using var upright = _reader.Read(png);
        var exif = Exif(6, isLittle: true);
        byte[][] broken = [[], exif[..7], exif[..9], exif[..14], [.. "XX"u8, .. exif[2..]], [.. exif[..4], 255, 255, 255, 255], Exif(9, isLittle: true), Exif(0, isLittle: false)];
        foreach (var bytes in broken)
        {
            using var image = _reader.Read(WithExif(png, bytes));
            Assert.Equal(upright.Pixels, image.Pixels);
        }
    }

    [Fact]
    public void A_photo_that_lies_on_its_side_has_the_tokens_of_one_that_is_upright()
    {
        using var model = DalleModel.LoadDefault();
        Assert.Equal(TokensOf("rgb.png"), TokensOf("exif6.webp"));

        // Two JPEGs that were compressed apart, the one lying on its side: their pixels differ by up to five grey levels, as Pillow reads them too.
        using var upright = _reader.Read(PictureFiles.PathOf("plain.jpg"));
        using var turned = _reader.Read(PictureFiles.PathOf("exif6.jpg"));
        Assert.InRange(upright.Pixels.ToArray().Zip(turned.Pixels.ToArray(), (a, b) => Math.Abs(a - b)).Max(), 0, 5);
        Assert.InRange(TokensOf("plain.jpg").Zip(TokensOf("exif6.jpg")).Count(pair => pair.First != pair.Second), 0, 4);

        int[] TokensOf(string file)
        {
            using var image = _reader.Read(PictureFiles.PathOf(file));
            return model.EncodeImage(image);
        }
    }

    /// <summary>The picture as a camera stores it that says this orientation: what is upright again when it is turned.</summary>
    private byte[] Lying(int orientation)
    {
        using var upright = _reader.Read(PictureFiles.PathOf("rgb.png"));
        using var image = orientation < 5
            ? MLImage.CreateFromPixels(upright.Width, upright.Height, MLPixelFormat.Bgra32, Turned())
            : MLImage.CreateFromPixels(upright.Height, upright.Width, MLPixelFormat.Bgra32, Turned());
        return image.ToPng();

        byte[] Turned()
        {
            var (width, height) = orientation < 5 ? (upright.Width, upright.Height) : (upright.Height, upright.Width);
            var pixels = new byte[4 * width * height];
            for (var y = 0; y < height; y++)
            {
                for (var x = 0; x < width; x++)
                {
                    // Where the stored pixel is seen, by the table of the EXIF standard.
                    var (right, down) = orientation switch
                    {
                        1 => (x, y),
                        2 => (width - 1 - x, y),
                        3 => (width - 1 - x, height - 1 - y),
                        4 => (x, height - 1 - y),
                        5 => (y, x),
                        6 => (height - 1 - y, x),
                        7 => (height - 1 - y, width - 1 - x),
                        _ => (y, width - 1 - x),
                    };
                    upright.Pixels.Slice(4 * (down * upright.Width + right), 4).CopyTo(pixels.AsSpan(4 * (y * width + x)));
                }
            }
            return pixels;
        }
    }

    private static byte[] Exif(int orientation, bool isLittle)
    {
        ushort[] shorts = isLittle ? [0x2A, 8, 0, 1, 0x0112, 3, 1, 0, (ushort)orientation, 0, 0, 0] : [0x2A, 0, 8, 1, 0x0112, 3, 0, 1, (ushort)orientation, 0, 0, 0];
        return [.. isLittle ? "II"u8 : "MM"u8, .. shorts.SelectMany(value => isLittle ? new[] { (byte)value, (byte)(value >> 8) } : [(byte)(value >> 8), (byte)value])];
    }

    /// <summary>The PNG with a chunk after its header.</summary>
    private static byte[] WithExif(byte[] png, byte[] exif)
    {
        const int HeaderEnd = 8 + 25;
        var length = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, exif.Length);
        var crc = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(crc, Crc([.. "eXIf"u8, .. exif]));
        return [.. png[..HeaderEnd], .. length, .. "eXIf"u8, .. exif, .. crc, .. png[HeaderEnd..]];

        static uint Crc(byte[] bytes)
        {
            var crc = uint.MaxValue;
            foreach (var value in bytes)
            {
                crc ^= value;
                for (var bit = 0; bit < 8; bit++)
                    crc = (crc & 1) != 0 ? 0xEDB88320 ^ crc >> 1 : crc >> 1;
            }
            return ~crc;
        }
    }

    [Fact]
    public void What_a_frame_of_a_GIF_leaves_out_is_transparent()
    {
        const int Side = 400;
        var file = File.ReadAllBytes(PictureFiles.PathOf("rgb.gif"));
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(6), Side);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(8), Side);
        using var image = _reader.Read(file);
        Assert.Equal((Side, Side), (image.Width, image.Height));
        Assert.Equal(-1, image.Pixels[(4 * PictureFiles.Height * Side)..].IndexOfAnyExcept((byte)0));
        Assert.Equal(PictureFiles.Pixels(isGray: false, hasAlpha: false).AsSpan(0, 4 * PictureFiles.Width), image.Pixels[..(4 * PictureFiles.Width)]);
    }

    [Theory]
    [InlineData("trunc.png")]
    [InlineData("trunc.jpg")]
    public void A_truncated_file_is_named(string file)
    {
        var path = PictureFiles.PathOf(file);
        Assert.Equal($"'{path}' is truncated: the file ends before the picture does. Copy or download it again.", Refusal(() => _reader.Read(path)));
    }

    [Theory]
    [InlineData("rgb.png")]
    [InlineData("rgb.bmp")]
    [InlineData("rgb.gif")]
    [InlineData("rgb.webp")]
    [InlineData("lossy.jpg")]
    [InlineData("lossy-progressive.jpg")]
    [InlineData("lossy.webp")]
    public void No_part_of_a_file_is_taken_for_the_whole(string file)
    {
        var bytes = File.ReadAllBytes(PictureFiles.PathOf(file));
        // The first bytes are the format's name; the last of a PNG and of a GIF say that it ends, and nothing of the picture.
        foreach (var length in Enumerable.Range(12, bytes.Length - 12 - 20))
            Assert.Contains("trunca", Refusal(() => _reader.Read(bytes.AsSpan(0, length))), StringComparison.Ordinal);
    }

    [Fact]
    public void The_header_alone_refuses_an_image_that_is_too_large()
    {
        var path = PictureFiles.PathOf("header65k.png");
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(
            $"'{path}' has 65535 × 65535 pixels, more than the limit of 64 million. Reduce the image, or raise ImageReader.MaxPixels.",
            Refusal(() => _reader.Read(path)));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void The_limit_is_a_number_of_pixels()
    {
        var path = PictureFiles.PathOf("rgb.png");
        using (var image = new ImageReader { MaxPixels = PictureFiles.Width * PictureFiles.Height }.Read(path))
            Assert.Equal(PictureFiles.Width, image.Width);
        Assert.Contains("has 48 × 32 pixels, more than the limit of 0.001535 million", Refusal(() => new ImageReader { MaxPixels = 1535 }.Read(path)), StringComparison.Ordinal);
        foreach (var value in new[] { 0, -1, 500_000_001 })
            Assert.Contains("MaxPixels must be 1 to 500,000,000", Assert.Throws<ArgumentOutOfRangeException>(() => new ImageReader { MaxPixels = value }).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(4000, 4000, 1)]
    [InlineData(4001, 4000, 2)]
    [InlineData(8000, 8000, 2)]
    [InlineData(8001, 8000, 4)]
    [InlineData(20000, 20000, 8)]
    [InlineData(2047, 31000, 1)]
    [InlineData(31000, 2048, 2)]
    public void Only_an_image_too_large_for_any_model_is_reduced_and_no_more_than_needed(int width, int height, int reduction) =>
        Assert.Equal(reduction, ImageReader.ReductionOf(width, height));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_reduced_image_is_what_its_pixels_are_on_average(bool isJpeg)
    {
        const int Side = 4096;
        var pixels = new byte[4 * Side * Side];
        for (var i = 0; i < pixels.Length; i++)
        {
            var (x, y) = (i / 4 % Side, i / 4 / Side);
            pixels[i] = (byte)(i % 4 == 3 ? 255 : (x / 256 * 5 + y / 256 * 9 + 10 * (i % 4)) % 256 / 2 + x % 2 * 8);
        }
        using var image = MLImage.CreateFromPixels(Side, Side, MLPixelFormat.Bgra32, pixels);
        using var reduced = _reader.Read(isJpeg ? image.ToJpeg(100) : image.ToPng());
        Assert.Equal((Side / 2, Side / 2), (reduced.Width, reduced.Height));
        var values = reduced.Pixels;
        for (var y = 8; y < Side / 2; y += 16)
        {
            for (var x = 8; x < Side / 2; x += 16)
            {
                for (var channel = 0; channel < 3; channel++)
                    Assert.InRange(values[(y * Side / 2 + x) * 4 + channel] - (pixels[(2 * y * Side + 2 * x) * 4 + channel] + 4), -4, 4);
            }
        }
    }

    [Theory]
    [InlineData("", "is empty.")]
    [InlineData("hello", "is not an image but text.")]
    [InlineData("\n<!DOCTYPE html><html><head><title>404</title>", "is not an image but an HTML page. Download the image itself, not the page that shows it.")]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n", "is not an image but a Git LFS pointer to one. Run 'git lfs pull' to fetch it.")]
    [InlineData("<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "is an XML or SVG file, which cannot be read: JPEG, PNG, WebP, BMP and GIF are read. Convert it to one of them.")]
    [InlineData("\0\0\0\u0018ftypheic\0\0\0\0", "is a HEIC image, which cannot be read: JPEG, PNG, WebP, BMP and GIF are read. Convert it to one of them.")]
    [InlineData("\0\0\x01\0\x01\0\x10\x10", "is an icon, which cannot be read: JPEG, PNG, WebP, BMP and GIF are read. Convert it to one of them.")]
    [InlineData("\0\0\x10\x10", "is not an image that can be read: JPEG, PNG, WebP, BMP and GIF are read.")]
    [InlineData("GIF89a", "is a GIF file whose header is damaged or truncated. Copy or download it again.")]
    public void What_is_no_image_is_named(string content, string message)
    {
        var path = Path.Combine(_folder.Path, "picture.png");
        File.WriteAllText(path, content, Encoding.Latin1);
        Assert.Equal($"'{path}' {message}", Refusal(() => _reader.Read(path)));
        Assert.Equal($"The image {message}", Refusal(() => _reader.Read(File.ReadAllBytes(path))));
    }

    [Fact]
    public void Text_in_any_script_is_text_wherever_its_head_is_cut()
    {
        for (var spaces = 0; spaces < 4; spaces++)
            Assert.Equal("The image is not an image but text.", Refusal(() => _reader.Read(Encoding.UTF8.GetBytes(new string('.', 509 + spaces) + "犬犬"))));
    }

    [Fact]
    public void A_folder_and_a_missing_file_are_named()
    {
        Assert.Equal($"The image file '{_folder.Path}' is a folder.", Assert.Throws<IOException>(() => _reader.Read(_folder.Path)).Message);
        Assert.Equal("The image file 'none.png' does not exist.", Assert.Throws<FileNotFoundException>(() => _reader.Read("none.png")).Message);
    }

    [Fact]
    public void A_file_far_larger_than_any_image_is_not_even_opened()
    {
        var path = Path.Combine(_folder.Path, "huge.png");
        using (var file = File.Create(path))
            file.SetLength((512L << 20) + 1);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal($"'{path}' is larger than 512 MiB, the limit on image files.", Refusal(() => _reader.Read(path)));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void Damaged_files_are_read_or_refused_and_nothing_else()
    {
        var random = new Random(1);
        string[] files = [.. Lossless.Select(row => row.Data.Item1), .. Lossy.Select(row => row.Data), "exif6.webp", "exif6.jpg"];
        var refused = 0;
        for (var i = 0; i < 3000; i++)
        {
            var bytes = File.ReadAllBytes(PictureFiles.PathOf(files[i % files.Length]));
            for (var changes = random.Next(1, 5); changes > 0; changes--)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            try
            {
                new ImageReader { MaxPixels = ImageReader.Megapixel }.Read(bytes).Dispose();
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }
        Assert.InRange(refused, 1, 2999);
    }

    private static string Refusal(Func<MLImage> read) => Assert.Throws<InvalidDataException>(() => read().Dispose()).Message;
}
