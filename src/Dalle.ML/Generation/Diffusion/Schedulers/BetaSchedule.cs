namespace Dalle.ML.Generation.Diffusion.Schedulers;

/// <summary>The noise that each step of the forward process adds, as the models were trained with it: β of every timestep.</summary>
internal static class BetaSchedule
{
    // Above this nothing of the image would be left, and the inverse of ᾱ would be infinite.
    private const double MaxBeta = 0.999;

    // The range of β for 1000 timesteps, scaled for other numbers (Ho et al. 2020).
    private const double First = 1e-4;
    private const double Last = 0.02;

    /// <summary>Cosine of Nichol and Dhariwal 2021, "squaredcos_cap_v2".</summary>
    public static double[] Cosine(int timesteps) =>
        [.. Enumerable.Range(0, timesteps).Select(t => Math.Min(1 - SignalAt(t + 1, timesteps) / SignalAt(t, timesteps), MaxBeta))];

    /// <summary>Linear of Ho et al. 2020.</summary>
    public static double[] Linear(int timesteps) => Linspace(First * 1000 / timesteps, Last * 1000 / timesteps, timesteps);

    /// <summary>Square of a line between the square roots.</summary>
    public static double[] Quadratic(int timesteps) =>
        Array.ConvertAll(Linspace(Math.Sqrt(First * 1000 / timesteps), Math.Sqrt(Last * 1000 / timesteps), timesteps), root => root * root);

    /// <summary>1/T, 1/(T − 1), …, 1.</summary>
    public static double[] Jsd(int timesteps) => Array.ConvertAll(Linspace(timesteps, 1, timesteps), steps => 1 / steps);

    /// <summary>A logistic curve between the ends of the linear one.</summary>
    public static double[] Sigmoid(int timesteps)
    {
        var (first, last) = (First * 1000 / timesteps, Last * 1000 / timesteps);
        return Array.ConvertAll(Linspace(-6, 6, timesteps), x => 1 / (1 + Math.Exp(-x)) * (last - first) + first);
    }

    /// <summary>Evenly spaced numbers with both ends, computed as NumPy and PyTorch do.</summary>
    public static double[] Linspace(double start, double end, int count)
    {
        var step = count > 1 ? (end - start) / (count - 1) : 0;
        var values = new double[count];
        for (var i = 0; i < count; i++)
            values[i] = i < count / 2 ? start + step * i : end - step * (count - 1 - i);
        return values;
    }

    private static double SignalAt(int t, int timesteps)
    {
        var cosine = Math.Cos(((double)t / timesteps + 0.008) / 1.008 * Math.PI / 2);
        return cosine * cosine;
    }
}
