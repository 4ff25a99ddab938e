namespace Dalle.ML.Evaluation;

/// <summary>
/// The blur that DALL·E's table applies to both sets of images, so that FID and Inception Score compare structure and not fine detail. The
/// paper publishes no kernel: here the radius is the standard deviation in pixels, as in Pillow's GaussianBlur.
/// </summary>
public static class GaussianBlur
{
    private const double MaxRadius = 1000;

    /// <summary>Blurs an image of bytes: rows from the top, the channels of a pixel side by side. Pixels of the edge are repeated beyond it.</summary>
    /// <param name="pixels">The image, which stays as it is.</param>
    /// <param name="width">The width in pixels.</param>
    /// <param name="height">The height in pixels.</param>
    /// <param name="radius">0 to 1000; 0 changes nothing.</param>
    /// <exception cref="ArgumentException">The pixels are not those of a whole number of channels.</exception>
    public static byte[] Apply(ReadOnlySpan<byte> pixels, int width, int height, double radius)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        if (!(radius is >= 0 and <= MaxRadius))
            throw new ArgumentOutOfRangeException(nameof(radius), radius, $"A radius is 0 to {MaxRadius}.");
        var area = (long)width * height;
        if (pixels.IsEmpty || pixels.Length % area != 0)
            throw new ArgumentException($"{pixels.Length} bytes are no image of {width}×{height} pixels.", nameof(pixels));
        if (radius == 0)
            return pixels.ToArray();

        var channels = (int)(pixels.Length / area);
        var taps = Taps(radius);
        var values = new double[pixels.Length];
        for (var i = 0; i < values.Length; i++)
            values[i] = pixels[i];
        var row = width * channels;
        values = Along(values, taps, count: height, step: row);
        values = Along(values, taps, count: width, step: channels);
        return Array.ConvertAll(values, value => (byte)Math.Clamp(Math.Round(value, MidpointRounding.ToEven), 0, byte.MaxValue));
    }

    private static double[] Taps(double radius)
    {
        var reach = (int)Math.Ceiling(3 * radius);
        double[] taps = [.. Enumerable.Range(-reach, 2 * reach + 1).Select(offset => Math.Exp(-0.5 * (offset / radius) * (offset / radius)))];
        var sum = taps.Sum();
        return Array.ConvertAll(taps, tap => tap / sum);
    }

    /// <summary>Filters along an axis of so many positions, which lie so many values apart.</summary>
    private static double[] Along(double[] values, double[] taps, int count, int step)
    {
        var reach = taps.Length / 2;
        var result = new double[values.Length];
        for (var i = 0; i < values.Length; i++)
        {
            var position = i / step % count;
            var start = i - position * step;
            double sum = 0;
            for (var tap = 0; tap < taps.Length; tap++)
                sum += taps[tap] * values[start + Math.Clamp(position + tap - reach, 0, count - 1) * step];
            result[i] = sum;
        }
        return result;
    }
}
