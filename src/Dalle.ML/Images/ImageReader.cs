using System.Globalization;
using Dalle.ML.Images;
using Microsoft.ML.Data;
using SkiaSharp;

namespace Dalle.ML;

/// <summary>Reads image files: JPEG, PNG, WebP, BMP and the first frame of GIF. Thread-safe.</summary>
/// <remarks>
/// <para>
/// Unlike <see cref="MLImage.CreateFromFile(string)"/> it applies the EXIF orientation of JPEG, PNG and WebP, refuses
/// a truncated file instead of leaving part of the picture blank, and reads the header first: an image of more than
/// <see cref="MaxPixels"/> is refused before memory is allocated.
/// </para>
/// <para>
/// Pixels are those of <see cref="MLImage.CreateFromFile(string)"/>, up to 16 megapixels. A larger image is decoded at 1/2, 1/4 or
/// 1/8 of its width and height, the first that has at most 16 megapixels, as long as its short side keeps 1024 pixels. Models take
/// images of a few hundred pixels: their input changes by a few grey levels at most, and most of the memory is saved.
/// </para>
/// </remarks>
/// <example>
/// <code>
/// using var photo = new ImageReader().Read("photo.jpg");
/// int[] tokens = model.EncodeImage(photo);
/// </code>
/// </example>
public sealed class ImageReader
{
    /// <summary>The default of <see cref="MaxPixels"/>, 64 megapixels.</summary>
    public const int DefaultMaxPixels = 64 * Megapixel;

    internal const int Megapixel = 1_000_000;
    internal const int MostMegapixels = 500;

    // An image at the default limit has at most eight bytes per pixel, uncompressed.
    internal const int MostMebibytes = 512;

    // Up to this size there is little memory to save.
    private const int WholePixels = 16 * Megapixel;
    private const int LeastSide = 1024;
    private const int LargestReduction = 8;

    private static readonly SKEncodedImageFormat[] Formats =
        [SKEncodedImageFormat.Jpeg, SKEncodedImageFormat.Png, SKEncodedImageFormat.Webp, SKEncodedImageFormat.Bmp, SKEncodedImageFormat.Gif];

    private readonly int _maxPixels = DefaultMaxPixels;

    /// <summary>The limit on an image's width × height: 1 to 500,000,000, by default 64,000,000. Decoding takes up to four bytes per pixel.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is out of range.</exception>
    public int MaxPixels
    {
        get => _maxPixels;
        init => _maxPixels = value is >= 1 and <= MostMegapixels * Megapixel
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "MaxPixels must be 1 to 500,000,000.");
    }

    /// <summary>The name of the limit in the message about an image that is too large.</summary>
    internal string LimitName { get; init; } = $"{nameof(ImageReader)}.{nameof(MaxPixels)}";

    /// <summary>Reads an image file.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The image, with blue, green, red and alpha of eight bits; the caller disposes it.</returns>
    /// <exception cref="IOException">The file does not exist or cannot be read.</exception>
    /// <exception cref="InvalidDataException">The file is not an image, is damaged or truncated, or has too many pixels.</exception>
    public MLImage Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Directory.Exists(path))
            throw new IOException($"The image file '{path}' is a folder.");
        if (!File.Exists(path))
            throw new FileNotFoundException($"The image file '{path}' does not exist.", path);
        if (new FileInfo(path).Length > (long)MostMebibytes << 20)
            throw new InvalidDataException($"'{path}' is larger than {MostMebibytes} MiB, the limit on image files.");
        return Read(File.ReadAllBytes(path), $"'{path}'");
    }

    /// <summary>Reads an image from the bytes of its file.</summary>
    /// <param name="file">All bytes of the file.</param>
    /// <returns>The image, with blue, green, red and alpha of eight bits; the caller disposes it.</returns>
    /// <exception cref="InvalidDataException">The bytes are not an image, are damaged or truncated, or the image has too many pixels.</exception>
    public MLImage Read(ReadOnlySpan<byte> file) => Read(file, "The image");

    /// <summary>Reads an image from the bytes of its file.</summary>
    /// <param name="file">All bytes of the file.</param>
    /// <param name="subject">The first words of error messages, which name the image.</param>
    internal unsafe MLImage Read(ReadOnlySpan<byte> file, string subject)
    {
        if (file.IsEmpty)
            throw new InvalidDataException($"{subject} is empty.");
        fixed (byte* bytes = file)
        {
            using var data = SKData.Create((IntPtr)bytes, file.Length);
            using var codec = SKCodec.Create(data);
            if (codec is null || !Formats.Contains(codec.EncodedFormat))
                throw new InvalidDataException($"{subject} {UnreadableFile.Describe(file)}");
            using var bitmap = Decode(codec, subject);
            return Orientation.Upright(bitmap, codec.EncodedFormat == SKEncodedImageFormat.Png ? PngOrientation.Of(file) : codec.EncodedOrigin);
        }
    }

    private SKBitmap Decode(SKCodec codec, string subject)
    {
        var (width, height) = (codec.Info.Width, codec.Info.Height);
        if ((long)width * height > MaxPixels)
        {
            throw new InvalidDataException(string.Create(
                CultureInfo.InvariantCulture,
                $"{subject} has {width} × {height} pixels, more than the limit of {MaxPixels / (double)Megapixel:0.######} million. Reduce the image, or raise {LimitName}."));
        }

        // JPEG and WebP are decoded at the smaller size; other formats are decoded in full first.
        var reduction = ReductionOf(width, height);
        var bitmap = Allocate(codec.GetScaledDimensions(1f / reduction), subject);
        var result = codec.GetPixels(bitmap.Info, bitmap.GetPixels());
        if (result == SKCodecResult.Success)
            return reduction > 1 && bitmap.Width == width ? Shrink(bitmap, reduction, subject) : bitmap;
        bitmap.Dispose();
        throw new InvalidDataException(result == SKCodecResult.IncompleteInput
            ? $"{subject} is truncated: the file ends before the picture does. Copy or download it again."
            : $"{subject} is damaged or truncated: its picture cannot be decoded. Copy or download it again.");
    }

    private static SKBitmap Shrink(SKBitmap bitmap, int reduction, string subject)
    {
        using (bitmap)
            return bitmap.Resize(new SKSizeI(bitmap.Width / reduction, bitmap.Height / reduction), SKFilterQuality.Medium) ?? throw TooLargeForMemory(subject, bitmap.Info.Size);
    }

    /// <summary>The number by which width and height of a large image are divided when it is decoded.</summary>
    internal static int ReductionOf(long width, long height)
    {
        var reduction = 1;
        while (reduction < LargestReduction && width * height / (reduction * reduction) > WholePixels && Math.Min(width, height) / (2 * reduction) >= LeastSide)
            reduction *= 2;
        return reduction;
    }

    /// <summary>Colours multiplied by their alpha and as the file has them, without a conversion by its profile: as ML.NET keeps images.</summary>
    private static SKBitmap Allocate(SKSizeI size, string subject)
    {
        var bitmap = new SKBitmap();
        if (bitmap.TryAllocPixels(new SKImageInfo(size.Width, size.Height, SKColorType.Bgra8888, SKAlphaType.Premul)))
            return bitmap;
        bitmap.Dispose();
        throw TooLargeForMemory(subject, size);
    }

    private static IOException TooLargeForMemory(string subject, SKSizeI size) =>
        new($"{subject} has too many pixels for the memory that is left: {size.Width} × {size.Height}.");
}
