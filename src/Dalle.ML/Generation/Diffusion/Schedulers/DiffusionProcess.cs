using System.Numerics.Tensors;
using Dalle.ML.Bundles;

namespace Dalle.ML.Generation.Diffusion.Schedulers;

/// <summary>
/// The tables of a diffusion process over its timesteps: x_t = √ᾱ_t x₀ + √(1 − ᾱ_t) ε. Computed in double precision; what is applied to
/// images is rounded to single precision afterwards.
/// </summary>
internal sealed class DiffusionProcess
{
    private readonly double[] _betas;
    private readonly double[] _signal;

    private readonly bool _isSingle;

    private DiffusionProcess(double[] betas, double[] signal, bool isSingle) => (_betas, _signal, _isSingle) = (betas, signal, isSingle);

    /// <summary>Number of timesteps.</summary>
    public int Count => _betas.Length;

    /// <summary>The process that a model was trained on.</summary>
    public static DiffusionProcess Of(NoiseSchedule schedule)
    {
        var betas = schedule.Betas switch
        {
            Betas.Cosine => BetaSchedule.Cosine(schedule.Timesteps),
            Betas.Linear => BetaSchedule.Linear(schedule.Timesteps),
            Betas.Quadratic => BetaSchedule.Quadratic(schedule.Timesteps),
            Betas.Jsd => BetaSchedule.Jsd(schedule.Timesteps),
            _ => BetaSchedule.Sigmoid(schedule.Timesteps),
        };
        return schedule.IsSingle ? OfSingles(betas) : OfDoubles(betas);
    }

    private static DiffusionProcess OfDoubles(double[] betas)
    {
        var signal = new double[betas.Length];
        for (var (t, product) = (0, 1.0); t < betas.Length; t++)
            signal[t] = product *= 1 - betas[t];
        return new DiffusionProcess(betas, signal, isSingle: false);
    }

    /// <summary>
    /// The tables as diffusers keeps them, in single precision. β₀ and 1 − ᾱ₀ are no longer equal then: the last step leaves 0.05 % of the
    /// image out, which a checkpoint does not notice and a comparison does.
    /// </summary>
    private static DiffusionProcess OfSingles(double[] betas)
    {
        var singles = Array.ConvertAll(betas, beta => (double)(float)beta);
        var signal = new double[betas.Length];
        for (var (t, product) = (0, 1.0); t < betas.Length; t++)
            signal[t] = (float)(product *= 1 - (float)singles[t]);
        return new DiffusionProcess(singles, signal, isSingle: true);
    }

    /// <summary>
    /// The process over some of the timesteps: its ᾱ are theirs, its β follow (Nichol and Dhariwal 2021, "Improved denoising diffusion
    /// probabilistic models").
    /// </summary>
    /// <param name="kept">Timesteps, ascending.</param>
    public DiffusionProcess Respace(IReadOnlyList<int> kept)
    {
        var signal = kept.Select(t => _signal[t]).ToArray();
        var betas = new double[signal.Length];
        for (var i = 0; i < betas.Length; i++)
        {
            var previous = i == 0 ? -1 : kept[i - 1];
            var left = signal[i] / (i == 0 ? 1 : signal[i - 1]);
            // Of the last timesteps so little is left that 32 bits do not tell it from nothing.
            betas[i] = kept[i] == previous + 1 ? _betas[kept[i]] : _isSingle ? 1 - (float)left : 1 - left;
        }
        return new DiffusionProcess(betas, signal, _isSingle);
    }

    public double Beta(int t) => _betas[t];

    /// <summary>ᾱ: the part of the variance that is the image; 1 before the first timestep.</summary>
    public double Signal(int t) => t < 0 ? 1 : _signal[t];

    /// <summary>Variance of x_{t−1} given x_t and x₀.</summary>
    public double PosteriorVariance(int t) => _betas[t] * (1 - Signal(t - 1)) / (1 - _signal[t]);

    /// <summary>Its logarithm; that of timestep 0, where it is 0, is that of timestep 1.</summary>
    public double PosteriorLogVariance(int t) => Math.Log(Math.Max(PosteriorVariance(Count > 1 ? Math.Max(t, 1) : t), 1e-20));

    /// <summary>Factor of x₀ in the mean of x_{t−1}.</summary>
    public double SampleWeight(int t) => _betas[t] * Math.Sqrt(Signal(t - 1)) / (1 - _signal[t]);

    /// <summary>Factor of x_t in the mean of x_{t−1}.</summary>
    public double CurrentWeight(int t) => (1 - Signal(t - 1)) * Math.Sqrt(1 - _betas[t]) / (1 - _signal[t]);

    /// <summary>x_t from x₀ and noise.</summary>
    public void AddNoise(int t, ReadOnlySpan<float> sample, ReadOnlySpan<float> noise, Span<float> noisy)
    {
        var (signal, deviation) = ((float)Math.Sqrt(_signal[t]), (float)Math.Sqrt(1 - _signal[t]));
        for (var i = 0; i < noisy.Length; i++)
            noisy[i] = signal * sample[i] + deviation * noise[i];
    }

    /// <summary>Noises x_from further, to x_to, by the formula of lucidrains/DALLE2-pytorch, which is not quite that of the process.</summary>
    public void AddNoise(int from, int to, Span<float> x, ReadOnlySpan<float> noise)
    {
        var (before, after) = (Math.Sqrt(Signal(from)), Math.Sqrt(_signal[to]));
        var ratio = (float)(after / before);
        var deviation = (float)((Math.Sqrt(1 - _signal[to]) * before - Math.Sqrt(1 - Signal(from)) * after) / before);
        for (var i = 0; i < x.Length; i++)
            x[i] = x[i] * ratio + noise[i] * deviation;
    }

    /// <summary>x₀ from x_t and the network's prediction.</summary>
    public void PredictClean(int t, Prediction kind, ReadOnlySpan<float> x, ReadOnlySpan<float> prediction, Span<float> clean)
    {
        var (current, predicted) = kind switch
        {
            Prediction.Noise => (Math.Sqrt(1 / _signal[t]), -Math.Sqrt(1 / _signal[t] - 1)),
            Prediction.Velocity => (Math.Sqrt(_signal[t]), -Math.Sqrt(1 - _signal[t])),
            _ => (0, 1),
        };
        TensorPrimitives.Multiply(prediction[..clean.Length], (float)predicted, clean);
        if (current != 0)
            TensorPrimitives.MultiplyAdd(x, (float)current, clean, clean);
    }

    /// <summary>The noise in x_t, given x₀.</summary>
    public void PredictNoise(int t, ReadOnlySpan<float> x, ReadOnlySpan<float> clean, Span<float> noise)
    {
        var (current, deviation) = ((float)Math.Sqrt(1 / _signal[t]), (float)Math.Sqrt(1 / _signal[t] - 1));
        for (var i = 0; i < noise.Length; i++)
            noise[i] = (current * x[i] - clean[i]) / deviation;
    }
}
