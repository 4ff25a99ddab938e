using Dalle.ML.Bundles;

namespace Dalle.ML.Generation.Diffusion.Schedulers;

/// <summary>
/// The steps that turn noise into an image or an embedding: which timesteps are visited, and how the next x follows from a prediction of the
/// network. A function of spans that keeps nothing, so that one scheduler serves any number of rows and threads.
/// </summary>
internal abstract class Scheduler(DiffusionRules rules, DiffusionProcess process)
{
    /// <summary>Number of calls of the network.</summary>
    public abstract int Steps { get; }

    protected DiffusionRules Rules => rules;

    protected DiffusionProcess Process => process;

    /// <summary>The scheduler of a model, for a sampler and number of steps.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The sampler cannot take that number of steps.</exception>
    public static Scheduler Create(DiffusionRules rules, DiffusionSampler sampler, int steps, float? eta = null) => sampler switch
    {
        DiffusionSampler.Ddpm => new DdpmScheduler(rules, Respacing.Spread(rules.Schedule.Timesteps, steps, multiplies: rules.Schedule.IsSingle)),
        _ => DdimScheduler.Create(rules, steps, eta ?? rules.Ddim.Eta),
    };

    /// <summary>The timestep that the network is told, among those that it was trained on.</summary>
    public abstract long Timestep(int step);

    /// <summary>Whether a step adds fresh noise.</summary>
    public abstract bool AddsNoise(int step);

    /// <summary>The estimate of x₀ that a prediction stands for, after thresholding.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="x">x before the step.</param>
    /// <param name="prediction">The network's output: as many values as x, and those of the variance after them if it is learned.</param>
    /// <param name="clean">Receives x₀.</param>
    public void PredictClean(int step, ReadOnlySpan<float> x, ReadOnlySpan<float> prediction, Span<float> clean)
    {
        process.PredictClean(IndexOf(step), rules.Prediction, x, prediction, clean);
        Thresholding.Apply(rules.Clamp, clean);
    }

    /// <summary>Takes a step.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="x">x before the step; after it afterwards.</param>
    /// <param name="prediction">The network's output.</param>
    /// <param name="clean">The estimate of x₀.</param>
    /// <param name="noise">Gaussian noise; not read where the step adds none.</param>
    public abstract void Step(int step, Span<float> x, ReadOnlySpan<float> prediction, ReadOnlySpan<float> clean, ReadOnlySpan<float> noise);

    /// <summary>An image as noisy as x is before a step.</summary>
    public void AddNoise(int step, ReadOnlySpan<float> clean, ReadOnlySpan<float> noise, Span<float> noisy) =>
        process.AddNoise(IndexOf(step), clean, noise, noisy);

    /// <summary>Makes x as noisy again as it was before a step.</summary>
    public void Undo(int step, Span<float> x, ReadOnlySpan<float> noise) => process.AddNoise(NextIndexOf(step), IndexOf(step), x, noise);

    /// <summary>The place of a step's timestep in the tables of the process.</summary>
    protected abstract int IndexOf(int step);

    /// <summary>The place of the timestep that a step leads to; −1 for the finished image.</summary>
    protected abstract int NextIndexOf(int step);
}
