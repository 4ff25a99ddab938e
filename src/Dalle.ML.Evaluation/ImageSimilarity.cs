namespace Dalle.ML.Evaluation;

/// <summary>How near an image is to another, pixel by pixel: for the reconstructions of a discrete VAE.</summary>
public static class ImageSimilarity
{
    private const double Range = 255;
    internal const int Window = 11;
    private const double Deviation = 1.5;

    /// <summary>The peak signal-to-noise ratio in decibels; infinite if both are equal.</summary>
    /// <exception cref="ArgumentException">The images differ in size, or are empty.</exception>
    public static double PeakSignalToNoise(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        CheckLengths(first, second);
        double squares = 0;
        for (var i = 0; i < first.Length; i++)
            squares += (first[i] - second[i]) * (first[i] - second[i]);
        return 10 * Math.Log10(Range * Range * first.Length / squares);
    }

    /// <summary>
    /// The structural similarity (SSIM) of Wang et al.: windows of 11×11 with a Gaussian of 1.5 pixels, only where they lie within the image,
    /// constants 0.01 and 0.03, averaged over windows and channels. 1 if both are equal.
    /// </summary>
    /// <param name="first">Bytes: rows from the top, the channels of a pixel side by side.</param>
    /// <param name="second">The same of the other image.</param>
    /// <param name="width">The width in pixels, 11 or more.</param>
    /// <param name="height">The height in pixels, 11 or more.</param>
    /// <exception cref="ArgumentException">The images differ in size, or are not of that size.</exception>
    public static double StructuralSimilarity(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, Window);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, Window);
        CheckLengths(first, second);
        var area = (long)width * height;
        if (first.Length % area != 0)
            throw new ArgumentException($"{first.Length} bytes are no image of {width}×{height} pixels.", nameof(first));

        var channels = (int)(first.Length / area);
        var weights = Weights();
        double sum = 0;
        for (var y = 0; y <= height - Window; y++)
        {
            for (var x = 0; x <= width - Window; x++)
            {
                for (var channel = 0; channel < channels; channel++)
                    sum += OfWindow(first, second, (y * width + x) * channels + channel, width * channels, channels, weights);
            }
        }
        return sum / ((double)(height - Window + 1) * (width - Window + 1) * channels);
    }

    private static double OfWindow(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, int start, int row, int pixel, double[] weights)
    {
        double meanA = 0, meanB = 0, squaresA = 0, squaresB = 0, products = 0;
        for (var i = 0; i < weights.Length; i++)
        {
            var at = start + i / Window * row + i % Window * pixel;
            double a = first[at], b = second[at];
            meanA += weights[i] * a;
            meanB += weights[i] * b;
            squaresA += weights[i] * a * a;
            squaresB += weights[i] * b * b;
            products += weights[i] * a * b;
        }
        const double c1 = 0.01 * Range * 0.01 * Range;
        const double c2 = 0.03 * Range * 0.03 * Range;
        return (2 * meanA * meanB + c1) * (2 * (products - meanA * meanB) + c2)
            / ((meanA * meanA + meanB * meanB + c1) * (squaresA - meanA * meanA + squaresB - meanB * meanB + c2));
    }

    private static double[] Weights()
    {
        double[] line = [.. Enumerable.Range(0, Window).Select(i => Math.Exp(-0.5 * Math.Pow((i - Window / 2) / Deviation, 2)))];
        double[] plane = [.. line.SelectMany(y => line.Select(x => x * y))];
        var sum = plane.Sum();
        return Array.ConvertAll(plane, weight => weight / sum);
    }

    private static void CheckLengths(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        if (first.Length != second.Length || first.IsEmpty)
            throw new ArgumentException($"Images of {first.Length} and {second.Length} bytes cannot be compared.", nameof(second));
    }
}
