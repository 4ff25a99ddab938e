using System.Buffers;
using Microsoft.ML.Data;

namespace Dalle.ML.Images;

/// <summary>
/// An image as the graphs take it: red, green and blue planes, [3, height, width], values in 0..1. One that is still to be resampled may
/// have a fourth, of opacity.
/// </summary>
/// <param name="width">Width in pixels.</param>
/// <param name="height">Height in pixels.</param>
/// <param name="values">The planes, one after the other.</param>
/// <param name="release">Takes the values back when the tensor is disposed, for whoever lent them.</param>
internal sealed class ImageTensor(int width, int height, float[] values, Action<float[]>? release = null) : IDisposable
{
    private const int Colors = 3;
    private const int BytesPerPixel = 4;

    private Action<float[]>? _release = release;

    public int Width => width;

    public int Height => height;

    public float[] Values => values;

    /// <summary>
    /// The colours of an image, composited on white. ML.NET keeps colours multiplied by their alpha.
    /// </summary>
    public static ImageTensor From(MLImage image) => Read(image, Colors, (color, alpha) => Math.Min(255, color + 255 - alpha));

    /// <summary>The colours of an image, multiplied by its opacity, and a fourth plane of that.</summary>
    public static ImageTensor WithOpacity(MLImage image) => Read(image, Colors + 1, (value, _) => value);

    /// <summary>The colours alone, no longer multiplied by the opacity; rounded as Pillow does (Convert.c, rgba2rgbA).</summary>
    public ImageTensor WithoutOpacity()
    {
        var area = Width * Height;
        if (Values.Length == Colors * area)
            return this;
        var values = Values[..(Colors * area)];
        for (var i = 0; i < values.Length; i++)
        {
            var (color, opacity) = ((int)MathF.Round(values[i] * 255), (int)MathF.Round(Values[Colors * area + i % area] * 255));
            values[i] = opacity == 0 ? values[i] : Math.Min(255, 255 * color / opacity) / 255f;
        }
        return new ImageTensor(Width, Height, values);
    }

    /// <summary>The largest square in the middle, half a pixel further to the left or to the top where there is none.</summary>
    public ImageTensor CenterSquare()
    {
        var side = Math.Min(Width, Height);
        if (Width == Height)
            return this;
        var first = (Height - side) / 2 * Width + (Width - side) / 2;
        var squares = new float[Values.Length / (Width * Height) * side * side];
        for (var line = 0; line < squares.Length / side; line++)
            Values.AsSpan(line / side * Width * Height + first + line % side * Width, side).CopyTo(squares.AsSpan(line * side));
        return new ImageTensor(side, side, squares);
    }

    /// <summary>The image of values in −1..1, as diffusion networks have them, in 0..1.</summary>
    public ImageTensor ToUnitRange() => new(Width, Height, Array.ConvertAll(Values, value => Math.Clamp((value + 1) / 2, 0, 1)));

    /// <summary>The image of values in 0..1, in −1..1.</summary>
    public ImageTensor ToSymmetricRange() => new(Width, Height, Array.ConvertAll(Values, value => value * 2 - 1));

    /// <summary>An image with eight bits a colour; opaque where there is no plane of opacity.</summary>
    public MLImage ToImage()
    {
        var area = Width * Height;
        var isOpaque = Values.Length == Colors * area;
        var pixels = ArrayPool<byte>.Shared.Rent(area * BytesPerPixel);
        for (var i = 0; i < area; i++)
        {
            for (var color = 0; color < Colors; color++)
                pixels[i * BytesPerPixel + 2 - color] = ToByte(Values[color * area + i]);
            pixels[i * BytesPerPixel + 3] = isOpaque ? byte.MaxValue : ToByte(Values[Colors * area + i]);
        }
        var image = MLImage.CreateFromPixels(Width, Height, MLPixelFormat.Bgra32, pixels.AsSpan(0, area * BytesPerPixel));
        ArrayPool<byte>.Shared.Return(pixels);
        return image;
    }

    public void Dispose() => Interlocked.Exchange(ref _release, null)?.Invoke(values);

    private static byte ToByte(float value) => (byte)MathF.Round(Math.Clamp(value, 0, 1) * 255);

    private static ImageTensor Read(MLImage image, int planes, Func<byte, byte, int> value)
    {
        var (width, height) = (image.Width, image.Height);
        var pixels = image.Pixels;
        int[] channels = image.PixelFormat == MLPixelFormat.Bgra32 ? [2, 1, 0, 3] : [0, 1, 2, 3];
        var values = new float[planes * width * height];
        for (var plane = 0; plane < planes; plane++)
        {
            for (var i = 0; i < width * height; i++)
            {
                var pixel = pixels.Slice(i * BytesPerPixel, BytesPerPixel);
                values[plane * width * height + i] = value(pixel[channels[plane]], pixel[3]) / 255f;
            }
        }
        // A span of pixels does not keep its image: the collector may free them while they are read.
        GC.KeepAlive(image);
        return new ImageTensor(width, height, values);
    }
}
