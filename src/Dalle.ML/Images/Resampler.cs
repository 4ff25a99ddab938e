using Dalle.ML.Bundles;

namespace Dalle.ML.Images;

/// <summary>
/// Brings an image to the size that a model takes: the short side is resampled to it, then the middle is cut out, with the rounding of
/// torchvision's Resize and CenterCrop. The filters are widened by the factor of reduction, and colours have eight bits after each pass, as
/// in Pillow, which the model families' preprocessing uses (python-pillow, Resample.c).
/// </summary>
internal static class Resampler
{
    /// <summary>Brings an image to a square of a size.</summary>
    public static ImageTensor Fit(ImageTensor image, int size, Fit fit, ResampleFilter filter) => fit switch
    {
        Bundles.Fit.Crop => ResizeAndCenterCrop(image, size, size, filter),
        Bundles.Fit.Squash => Squash(image, size, size, filter),
        _ => Squash(image.CenterSquare(), size, size, filter),
    };

    public static ImageTensor ResizeAndCenterCrop(ImageTensor image, int width, int height, ResampleFilter filter)
    {
        if (image.Width == width && image.Height == height)
            return image;
        var (scaledWidth, scaledHeight) = CoveringSize(image, width, height);
        return Resample(image, Taps(image.Width, scaledWidth, width, filter), Taps(image.Height, scaledHeight, height, filter));
    }

    /// <summary>Brings both sides to a size, whatever that does to the proportions.</summary>
    public static ImageTensor Squash(ImageTensor image, int width, int height, ResampleFilter filter) =>
        image.Width == width && image.Height == height ? image
            : Resample(image, Taps(image.Width, width, width, filter), Taps(image.Height, height, height, filter));

    /// <summary>The size that an image is scaled to so that it just covers another.</summary>
    public static (long Width, long Height) CoveringSize(ImageTensor image, int width, int height) =>
        (long)width * image.Height >= (long)height * image.Width
            ? (width, (long)width * image.Height / image.Width)
            : ((long)height * image.Width / image.Height, height);

    /// <summary>For each of the middle pixels of a line scaled to a length, the source pixels under the filter and their weights.</summary>
    public static (int First, double[] Weights)[] Weights(int from, long to, int count, ResampleFilter filter)
    {
        var scale = (double)from / to;
        var widen = Math.Max(scale, 1);
        var radius = Radius(filter) * widen;
        var skipped = Math.Round((to - count) / 2.0);
        var all = new (int, double[])[count];
        for (var target = 0; target < count; target++)
        {
            var center = (skipped + target + 0.5) * scale;
            var (start, stop) = ((int)Math.Floor(center - radius + 0.5), (int)(center + radius + 0.5));
            var (first, end) = (Math.Max(0, start), Math.Min(from, stop));
            var weights = new double[stop - start];
            for (var i = 0; i < weights.Length; i++)
                weights[i] = Weight(filter, (start + i - center + 0.5) / widen);
            var inside = weights[(first - start)..(end - start)];
            var sum = inside.Sum();
            all[target] = (first, Array.ConvertAll(inside, weight => weight / sum));
        }
        return all;
    }

    private static ImageTensor Resample(ImageTensor image, Tap[] columns, Tap[] rows)
    {
        var (width, height) = (columns.Length, rows.Length);
        var planes = image.Values.Length / (image.Width * image.Height);

        // Only the part under what is kept: of a very long image that is little.
        var (top, bottom) = (rows[0].First, rows[^1].End);
        var (left, right) = (columns[0].First, columns[^1].End);
        var lines = bottom - top;
        var wide = new byte[planes * lines * width];
        Parallel.For(0, planes * lines, line =>
        {
            var pixels = new byte[right - left];
            var source = image.Values.AsSpan((line / lines * image.Height + top + line % lines) * image.Width + left, pixels.Length);
            for (var x = 0; x < pixels.Length; x++)
                pixels[x] = (byte)MathF.Round(Math.Clamp(source[x], 0, 1) * byte.MaxValue);
            for (var x = 0; x < width; x++)
                wide[line * width + x] = columns[x].Sum(pixels, columns[x].First - left, stride: 1);
        });
        var result = new float[planes * height * width];
        Parallel.For(0, planes * height, line =>
        {
            var row = rows[line % height];
            var source = (line / height * lines + row.First - top) * width;
            for (var x = 0; x < width; x++)
                result[line * width + x] = row.Sum(wide, source + x, stride: width) / (float)byte.MaxValue;
        });
        return new ImageTensor(width, height, result);
    }

    private static Tap[] Taps(int from, long to, int count, ResampleFilter filter) => Array.ConvertAll(
        Weights(from, to, count, filter),
        tap => new Tap(tap.First, Array.ConvertAll(tap.Weights, weight => (int)Math.Round(weight * Tap.One, MidpointRounding.AwayFromZero))));

    private static double Radius(ResampleFilter filter) => filter switch
    {
        ResampleFilter.Bilinear => 1,
        ResampleFilter.Bicubic => 2,
        _ => 3,
    };

    private static double Weight(ResampleFilter filter, double x)
    {
        x = Math.Abs(x);
        return filter switch
        {
            ResampleFilter.Bilinear => Math.Max(0, 1 - x),
            ResampleFilter.Bicubic => Cubic(x),
            _ => x < 3 ? Sinc(x) * Sinc(x / 3) : 0,
        };
    }

    /// <summary>Keys' cubic convolution with a = −1/2.</summary>
    private static double Cubic(double x)
    {
        const double A = -0.5;
        return x < 1 ? ((A + 2) * x - (A + 3)) * x * x + 1
            : x < 2 ? ((x - 5) * x + 8) * x * A - 4 * A
            : 0;
    }

    private static double Sinc(double x) => x == 0 ? 1 : Math.Sin(x * Math.PI) / (x * Math.PI);

    /// <summary>Pixels of eight bits, from one on, and their weights as Pillow has them: whole numbers, of which <see cref="One"/> is 1.</summary>
    private readonly record struct Tap(int First, int[] Weights)
    {
        public const int One = 1 << Bits;

        private const int Bits = 32 - 8 - 2;

        public int End => First + Weights.Length;

        public byte Sum(byte[] pixels, int offset, int stride)
        {
            var sum = One / 2;
            for (var i = 0; i < Weights.Length; i++)
                sum += Weights[i] * pixels[offset + i * stride];
            return (byte)Math.Clamp(sum >> Bits, 0, byte.MaxValue);
        }
    }
}
