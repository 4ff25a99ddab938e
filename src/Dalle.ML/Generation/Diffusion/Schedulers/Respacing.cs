namespace Dalle.ML.Generation.Diffusion.Schedulers;

/// <summary>Which of the timesteps that a model was trained with a sampler visits.</summary>
internal static class Respacing
{
    /// <summary>Timesteps spread evenly from the first to the last (openai/guided-diffusion).</summary>
    /// <param name="timesteps">Timesteps of the model.</param>
    /// <param name="count">How many to keep.</param>
    /// <param name="multiplies">Whether the places are multiples of their distance, as in diffusers, or added up, as in the original: rounding may differ.</param>
    public static int[] Spread(int timesteps, int count, bool multiplies = false)
    {
        if (count < 1 || count > timesteps)
            throw new ArgumentOutOfRangeException(nameof(count), count, $"{timesteps} timesteps take 1 to {timesteps} steps.");
        var stride = count > 1 ? (timesteps - 1) / (count - 1.0) : 1;
        var kept = new int[count];
        for (var (i, position) = (0, 0.0); i < count; i++, position += stride)
            kept[i] = (int)Math.Round(multiplies ? i * stride : position, MidpointRounding.ToEven);
        return kept;
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
