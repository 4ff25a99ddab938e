using Dalle.ML.Bundles;

namespace Dalle.ML.Images;

/// <summary>
/// Resizes as <see cref="Resampler"/> does, without rounding colours to eight bits or clamping them: what passes from stage to stage of DALL·E 2.
/// </summary>
internal static class FloatResampler
{
    /// <summary>Both sides by Keys' cubic, whatever that does to the proportions; the weights of the pixels that are there have the sum 1.</summary>
    public static ImageTensor Squash(ImageTensor image, int width, int height) => Resample(
        image,
        Resampler.Weights(image.Width, width, width, ResampleFilter.Bicubic),
        Resampler.Weights(image.Height, height, height, ResampleFilter.Bicubic));

    /// <summary>Both sides by <see cref="PaddedBicubic"/>.</summary>
    public static ImageTensor SquashPadded(ImageTensor image, int width, int height) => Padded(image, width, height, width, height);

    /// <summary>The short side by <see cref="PaddedBicubic"/>, then the middle.</summary>
    public static ImageTensor CropPadded(ImageTensor image, int width, int height)
    {
        var (scaledWidth, scaledHeight) = Resampler.CoveringSize(image, width, height);
        return Padded(image, scaledWidth, scaledHeight, width, height);
    }

    /// <summary>A square image in the size of a stage, as the model's own code resizes between stages.</summary>
    /// <param name="image">The image.</param>
    /// <param name="size">The size.</param>
    /// <param name="kind">How.</param>
    /// <param name="black">The value of black: 0 or −1.</param>
    public static ImageTensor Resize(ImageTensor image, int size, Upsampling kind, float black)
    {
        if (kind == Upsampling.Nearest)
            return Nearest(image, size, size);
        if (kind == Upsampling.Bicubic)
            return Squash(image, size, size);
        var light = Array.ConvertAll(image.Values, value => value - black);
        var resized = SquashPadded(new ImageTensor(image.Width, image.Height, light), size, size);
        return new ImageTensor(size, size, Array.ConvertAll(resized.Values, value => value + black));
    }

    /// <summary>Row and column i are those of ⌊i · (from / to)⌋ in single precision, as PyTorch's nearest.</summary>
    public static ImageTensor Nearest(ImageTensor image, int width, int height)
    {
        var planes = image.Values.Length / image.Width / image.Height;
        var (rows, columns) = (Places(image.Height, height), Places(image.Width, width));
        var values = new float[planes * width * height];
        for (var i = 0; i < values.Length; i++)
        {
            var (plane, y, x) = (i / width / height, i / width % height, i % width);
            values[i] = image.Values[(plane * image.Height + rows[y]) * image.Width + columns[x]];
        }
        return new ImageTensor(width, height, values);

        static int[] Places(int from, int to)
        {
            var scale = (float)from / to;
            return [.. Enumerable.Range(0, to).Select(i => Math.Min((int)(i * scale), from - 1))];
        }
    }

    /// <summary>
    /// Both sides between the two nearest pixels, whose positions are their centres (PyTorch) or their upper left corners (TensorFlow 1). It does not
    /// widen where an image shrinks.
    /// </summary>
    public static ImageTensor Interpolate(ImageTensor image, int width, int height, bool fromCorners)
    {
        return Resample(image, Taps(image.Width, width), Taps(image.Height, height));

        (int, double[])[] Taps(int from, int to)
        {
            var scale = (double)from / to;
            return [.. Enumerable.Range(0, to).Select(target =>
            {
                var source = fromCorners ? target * scale : Math.Max(0, (target + 0.5) * scale - 0.5);
                var (first, part) = ((int)source, source - (int)source);
                double[] weights = first + 1 < from ? [1 - part, part] : [1];
                return (first, weights);
            })];
        }
    }

    private static ImageTensor Padded(ImageTensor image, long scaledWidth, long scaledHeight, int width, int height)
    {
        return Resample(image, Taps(image.Width, scaledWidth, width), Taps(image.Height, scaledHeight, height));

        static (int, double[])[] Taps(int from, long to, int count) => Array.ConvertAll(
            PaddedBicubic.Weights(from, to, count), tap => (tap.First, Array.ConvertAll(tap.Weights, weight => (double)weight)));
    }

    private static ImageTensor Resample(ImageTensor image, (int First, double[] Weights)[] columns, (int First, double[] Weights)[] rows)
    {
        var planes = image.Values.Length / image.Width / image.Height;
        var (width, height) = (columns.Length, rows.Length);
        var wide = new float[planes * image.Height * width];
        for (var line = 0; line < planes * image.Height; line++)
        {
            for (var x = 0; x < width; x++)
                wide[line * width + x] = Sum(columns[x], image.Values, line * image.Width, stride: 1);
        }
        var values = new float[planes * height * width];
        for (var line = 0; line < planes * height; line++)
        {
            for (var x = 0; x < width; x++)
                values[line * width + x] = Sum(rows[line % height], wide, line / height * image.Height * width + x, stride: width);
        }
        return new ImageTensor(width, height, values);

        static float Sum((int First, double[] Weights) tap, float[] source, int offset, int stride)
        {
            var sum = 0.0;
            for (var i = 0; i < tap.Weights.Length; i++)
                sum += tap.Weights[i] * source[offset + (tap.First + i) * stride];
            return (float)sum;
        }
    }
}
