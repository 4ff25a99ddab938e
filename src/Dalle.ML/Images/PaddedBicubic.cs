namespace Dalle.ML.Images;

/// <summary>
/// Keys' cubic with a = −1/2 and black beyond the borders, as the package ResizeRight of Shocher has it, which DALLE2-pytorch uses. It is computed in single
/// precision and in the order of the original: the places of pixels are rounded, and that moves weights by up to a hundred thousandth.
/// </summary>
internal static class PaddedBicubic
{
    private const float Epsilon = 1.1920929e-7f;

    /// <summary>For each of the middle pixels of a line scaled to a length, the source pixels under the filter and their weights.</summary>
    /// <param name="from">Length of the source.</param>
    /// <param name="to">Length of the whole result.</param>
    /// <param name="count">How many pixels of its middle are kept.</param>
    public static (int First, float[] Weights)[] Weights(int from, long to, int count)
    {
        var scale = (double)to / from;
        var narrow = (float)Math.Min(scale, 1);
        var support = 4 / Math.Min(scale, 1);
        var length = (int)Math.Ceiling(support - Epsilon);

        // The line is padded on the left so far that the first pixel's first tap has place 0.
        var padding = -First(Place(0));
        var skipped = (long)Math.Round((to - count) / 2.0);
        var all = new (int, float[])[count];
        for (var i = 0; i < count; i++)
        {
            var place = Place(skipped + i);
            var first = First(place);
            var padded = place + padding;
            var weights = new float[length];
            for (var tap = 0; tap < length; tap++)
                weights[tap] = narrow * Cubic(narrow * (padded - (first + padding + tap)));
            var sum = weights.Sum();
            var (start, end) = (Math.Max(first, 0), Math.Min(first + length, from));
            all[i] = (start, Array.ConvertAll(weights[(start - first)..(end - first)], weight => weight / sum));
        }
        return all;

        // The centre of a target pixel, in pixels of the source.
        float Place(long target) => target / (float)scale + (float)((from - 1) / 2.0) - (float)((to - 1) / (2 * scale));

        int First(float place) => (int)MathF.Ceiling(place - (float)(support / 2) - Epsilon);
    }

    private static float Cubic(float x)
    {
        x = MathF.Abs(x);
        var (square, cube) = (x * x, x * x * x);
        return x <= 1 ? 1.5f * cube - 2.5f * square + 1 : x <= 2 ? -0.5f * cube + 2.5f * square - 4 * x + 2 : 0;
    }
}
