using System.Buffers;
using System.Globalization;
using Microsoft.ML.ImageAnalytics.Png;

namespace Microsoft.ML.Data;

/// <summary>
/// An image in memory: four bytes a pixel, rows from top to bottom, without padding. Colours are multiplied by alpha, as in the
/// real package, so half-transparent pure red is (128, 0, 0, 128).
/// </summary>
public class MLImage : IDisposable
{
    private const int BytesPerPixel = 4;

    // Memory that is used again, as the real package's pixels are no garbage either but native.
    private byte[] _pixels;

    private MLImage(int width, int height, MLPixelFormat pixelFormat, ReadOnlySpan<byte> pixels)
    {
        Width = width;
        Height = height;
        PixelFormat = pixelFormat;
        _pixels = ArrayPool<byte>.Shared.Rent(pixels.Length);
        pixels.CopyTo(_pixels);
    }

    public int Width { get; }

    public int Height { get; }

    public MLPixelFormat PixelFormat { get; }

    public int BitsPerPixel
    {
        get
        {
            ThrowIfDisposed();
            return BytesPerPixel * 8;
        }
    }

    /// <summary>Whatever the owner wishes to remember about the image.</summary>
    public string Tag { get; set; }

    /// <summary>The pixels as they are stored: multiplied by alpha.</summary>
    public ReadOnlySpan<byte> Pixels
    {
        get
        {
            ThrowIfDisposed();
            return _pixels.AsSpan(0, Width * Height * BytesPerPixel);
        }
    }

    /// <summary>A new array of three bytes a pixel: blue, green, red, as they are stored.</summary>
    public byte[] GetBGRPixels
    {
        get
        {
            ThrowIfDisposed();
            var (red, green, blue) = PixelFormat == MLPixelFormat.Bgra32 ? (2, 1, 0) : (0, 1, 2);
            var bgr = new byte[Width * Height * 3];
            for (int from = 0, to = 0; to < bgr.Length; from += BytesPerPixel, to += 3)
            {
                bgr[to] = _pixels[from + blue];
                bgr[to + 1] = _pixels[from + green];
                bgr[to + 2] = _pixels[from + red];
            }

            return bgr;
        }
    }

    /// <exception cref="ArgumentException">The stream does not hold a whole and valid PNG image.</exception>
    public static MLImage CreateFromStream(Stream imageStream)
    {
        ArgumentNullException.ThrowIfNull(imageStream);
        try
        {
            return Decode(imageStream);
        }
        catch (InvalidDataException e)
        {
            throw new ArgumentException($"Invalid image stream: {e.Message}", nameof(imageStream), e);
        }
    }

    /// <exception cref="ArgumentException">The file cannot be read or does not hold a whole and valid PNG image.</exception>
    public static MLImage CreateFromFile(string imagePath)
    {
        ArgumentNullException.ThrowIfNull(imagePath);
        try
        {
            using var file = File.OpenRead(imagePath);
            return Decode(file);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw new ArgumentException($"Invalid image file '{imagePath}': {e.Message}", nameof(imagePath), e);
        }
    }

    /// <summary>
    /// Copies exactly <paramref name="width"/> × <paramref name="height"/> × 4 bytes as they are: they are taken to be multiplied by
    /// alpha already.
    /// </summary>
    public static MLImage CreateFromPixels(int width, int height, MLPixelFormat pixelFormat, ReadOnlySpan<byte> imagePixelData)
    {
        if (pixelFormat is not (MLPixelFormat.Bgra32 or MLPixelFormat.Rgba32))
            throw new ArgumentException($"Unsupported pixel format {pixelFormat}.", nameof(pixelFormat));
        if (width <= 0)
            throw new ArgumentException(Invariant($"Invalid width {width}: it must be positive."), nameof(width));
        if (height <= 0)
            throw new ArgumentException(Invariant($"Invalid height {height}: it must be positive."), nameof(height));
        if (imagePixelData.Length != (long)width * height * BytesPerPixel)
        {
            throw new ArgumentException(
                Invariant($"{width} x {height} pixels take {(long)width * height * BytesPerPixel} bytes, not {imagePixelData.Length}."),
                nameof(imagePixelData));
        }

        return new MLImage(width, height, pixelFormat, imagePixelData);
    }

    /// <summary>Writes the image to a file; the extension of its name tells the format.</summary>
    /// <exception cref="ArgumentException">The extension is not <c>.png</c>.</exception>
    public void Save(string imagePath)
    {
        ThrowIfDisposed();
        ArgumentNullException.ThrowIfNull(imagePath);
        if (!Path.GetExtension(imagePath).Equals(".png", StringComparison.OrdinalIgnoreCase))
        {
            throw new ArgumentException(
                $"Cannot save '{imagePath}': this stand-in writes .png files only; for other formats build against the package " +
                "Microsoft.ML.ImageAnalytics.",
                nameof(imagePath));
        }

        using var file = File.Create(imagePath);
        PngWriter.Write(file, this);
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _pixels, null) is { } pixels)
            ArrayPool<byte>.Shared.Return(pixels);
        GC.SuppressFinalize(this);
    }

    private static MLImage Decode(Stream stream)
    {
        var (width, height, bgra) = PngReader.Read(stream);
        Premultiply(bgra);
        return new MLImage(width, height, MLPixelFormat.Bgra32, bgra);
    }

    private static void Premultiply(Span<byte> pixels)
    {
        for (int i = 0; i < pixels.Length; i += BytesPerPixel)
        {
            int alpha = pixels[i + 3];
            foreach (ref byte color in pixels.Slice(i, 3))
                color = (byte)((color * alpha + 127) / 255);
        }
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private void ThrowIfDisposed()
    {
        if (_pixels is null)
            throw new InvalidOperationException("The image is disposed.");
    }
}
