using System.Globalization;

namespace Dalle.ML.Generation.Diffusion.Schedulers;

/// <summary>Which of the timesteps that a model was trained with a sampler visits.</summary>
internal static class Respacing
{
    /// <summary>Timesteps of as many sections as there are counts, each spread over its section from end to end (openai/guided-diffusion).</summary>
    public static int[] Sections(int timesteps, params IReadOnlyList<int> counts)
    {
        var kept = new SortedSet<int>();
        for (var (section, start) = (0, 0); section < counts.Count; section++)
        {
            var length = timesteps / counts.Count + (section < timesteps % counts.Count ? 1 : 0);
            if (counts[section] < 1 || counts[section] > length)
                throw new ArgumentOutOfRangeException(nameof(counts), counts[section], $"A section of {length} timesteps takes 1 to {length} steps.");
            var stride = counts[section] > 1 ? (length - 1) / (counts[section] - 1.0) : 1;
            // Added up, not multiplied, as the original does: rounding may differ.
            for (var (i, position) = (0, 0.0); i < counts[section]; i++, position += stride)
                kept.Add(start + (int)Math.Round(position, MidpointRounding.ToEven));
            start += length;
        }
        return [.. kept];
    }

    /// <summary>Every n-th timestep from 0, with the whole n that gives the count (Song et al. 2020, DDIM).</summary>
    /// <exception cref="ArgumentOutOfRangeException">No whole stride gives that count.</exception>
    public static int[] Strided(int timesteps, int count)
    {
        for (var stride = 1; stride < timesteps; stride++)
        {
            if ((timesteps + stride - 1) / stride == count)
                return [.. Enumerable.Range(0, count).Select(i => i * stride)];
        }
        throw new ArgumentOutOfRangeException(nameof(count), count, $"No whole stride visits {count} of {timesteps} timesteps.");
    }

    /// <summary>27 timesteps, most of them where little noise is left, and not the very last, which makes DDIM leave artefacts (openai/glide-text2im).</summary>
    public static int[] Fast27Of(int timesteps) => [.. Sections(timesteps, 10, 10, 3, 2, 2).SkipLast(1), timesteps - 3];

    /// <summary>The timesteps of a text: <c>25</c>, sections <c>10,10,5</c>, <c>ddim50</c> or <c>fast27</c>.</summary>
    /// <exception cref="FormatException">It is none of these.</exception>
    public static int[] Parse(string text, int timesteps)
    {
        if (text == "fast27")
            return Fast27Of(timesteps);
        if (text.StartsWith("ddim", StringComparison.Ordinal))
            return Strided(timesteps, Number(text.AsSpan("ddim".Length)));
        return Sections(timesteps, [.. text.Split(',').Select(part => Number(part))]);

        int Number(ReadOnlySpan<char> digits) => int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new FormatException($"'{text}' is not a respacing: give a number of steps, numbers of sections (10,10,5), ddimN or fast27.");
    }

    /// <summary>
    /// The timesteps of lucidrains/DALLE2-pytorch's DDIM, descending, each call going from one to the next: evenly spaced from a first one on, cut to
    /// whole numbers, without the end. Some of them lie on whole numbers but for rounding, so that they are computed as the PyTorch of those years does on
    /// processors with AVX2: in single precision, by registers of eight, two at a time, what is left over one by one, the products of the first of each
    /// unrounded.
    /// </summary>
    /// <param name="first">The lowest: 0, or −1, which stands for the finished image.</param>
    /// <param name="timesteps">Timesteps of the model.</param>
    /// <param name="points">Number of timesteps.</param>
    public static int[] Truncated(int first, int timesteps, int points)
    {
        const int Lanes = 8;
        var step = ((float)timesteps - first) / points;
        var vectorized = (points + 1) / (2 * Lanes) * (2 * Lanes);
        var times = new int[points];
        for (var i = 0; i < points; i++)
        {
            var lane = i < vectorized ? i % Lanes : 0;
            var start = i - lane;
            var startTime = start < (points + 1) / 2
                ? MathF.FusedMultiplyAdd(step, start, first)
                : MathF.FusedMultiplyAdd(-step, points - start, timesteps);
            times[points - 1 - i] = (int)(startTime + step * lane);
        }
        return times;
    }
}
