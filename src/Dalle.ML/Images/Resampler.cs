using Dalle.ML.Models;

namespace Dalle.ML.Images;

/// <summary>
/// Brings an image to the size that a model takes: the short side is resampled to it, then the middle is cut out, with the rounding of
/// torchvision's Resize and CenterCrop. The filters are widened by the factor of reduction, as Pillow does and the model families'
/// preprocessing expects (python-pillow, Resample.c).
/// </summary>
internal static class Resampler
{
    public static PixelPlanes Fit(PixelPlanes image, int width, int height, ResampleFilter filter)
    {
        if (image.Width == width && image.Height == height)
            return image;
        var isTall = (long)width * image.Height >= (long)height * image.Width;
        var columns = Taps(image.Width, isTall ? width : (long)height * image.Width / image.Height, width, filter);
        var rows = Taps(image.Height, isTall ? (long)width * image.Height / image.Width : height, height, filter);
        var planes = image.Values.Length / (image.Width * image.Height);

        // Only the lines under the part that is kept: of a very long image that is little.
        var (top, bottom) = (rows[0].First, rows[^1].First + rows[^1].Weights.Length);
        var lines = bottom - top;
        var wide = new float[planes * lines * width];
        Parallel.For(0, planes * lines, line =>
        {
            var source = (line / lines * image.Height + top + line % lines) * image.Width;
            for (var x = 0; x < width; x++)
                wide[line * width + x] = Round(columns[x].Sum(image.Values, source, stride: 1));
        });
        var result = new float[planes * height * width];
        Parallel.For(0, planes * height, line =>
        {
            var row = rows[line % height];
            var source = (line / height * lines + row.First - top) * width;
            for (var x = 0; x < width; x++)
                result[line * width + x] = Round((row with { First = 0 }).Sum(wide, source + x, stride: width));
        });
        return new PixelPlanes(width, height, result);
    }

    /// <summary>The families' images have eight bits a colour after each pass.</summary>
    private static float Round(float value) => MathF.Round(Math.Clamp(value, 0, 1) * 255) / 255;

    /// <summary>For each of the middle pixels of a line scaled to a length, the source pixels under the filter and their weights.</summary>
    private static Tap[] Taps(int from, long to, int count, ResampleFilter filter)
    {
        var scale = (double)from / to;
        var widen = Math.Max(scale, 1);
        var radius = Radius(filter) * widen;
        var skipped = Math.Round((to - count) / 2.0);
        var taps = new Tap[count];
        for (var target = 0; target < count; target++)
        {
            var center = (skipped + target + 0.5) * scale;
            var first = Math.Max(0, (int)(center - radius + 0.5));
            var end = Math.Min(from, (int)(center + radius + 0.5));
            var weights = new double[end - first];
            for (var i = 0; i < weights.Length; i++)
                weights[i] = Weight(filter, (first + i - center + 0.5) / widen);
            var sum = weights.Sum();
            taps[target] = new Tap(first, Array.ConvertAll(weights, weight => (float)(weight / sum)));
        }
        return taps;
    }

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

    private readonly record struct Tap(int First, float[] Weights)
    {
        public float Sum(float[] source, int offset, int stride)
        {
            var sum = 0f;
            for (var i = 0; i < Weights.Length; i++)
                sum += Weights[i] * source[offset + (First + i) * stride];
            return sum;
        }
    }
}
