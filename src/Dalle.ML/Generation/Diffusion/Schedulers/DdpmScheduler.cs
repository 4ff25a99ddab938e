using Dalle.ML.Bundles;

namespace Dalle.ML.Generation.Diffusion.Schedulers;

/// <summary>
/// Ancestral sampling of the posterior (Ho et al. 2020), over some of the timesteps and with a learned variance (Nichol and Dhariwal 2021).
/// </summary>
/// <param name="rules">What the network predicts.</param>
/// <param name="timesteps">The timesteps to visit, ascending.</param>
internal sealed class DdpmScheduler(DiffusionRules rules, int[] timesteps) : Scheduler(rules, DiffusionProcess.Of(rules.Schedule).Respace(timesteps))
{
    public override int Steps => timesteps.Length;

    public override long Timestep(int step) => timesteps[IndexOf(step)];

    public override bool AddsNoise(int step) => step < Steps - 1;

    public override void Step(int step, Span<float> x, ReadOnlySpan<float> prediction, ReadOnlySpan<float> clean, ReadOnlySpan<float> noise)
    {
        PredictMean(step, x, clean, x);
        if (!AddsNoise(step))
            return;
        for (var i = 0; i < x.Length; i++)
            x[i] += MathF.Exp(0.5f * LogVariance(step, prediction, x.Length, i)) * noise[i];
    }

    /// <summary>The mean of x after a step.</summary>
    public void PredictMean(int step, ReadOnlySpan<float> x, ReadOnlySpan<float> clean, Span<float> mean)
    {
        var t = IndexOf(step);
        var (sample, current) = ((float)Process.SampleWeight(t), (float)Process.CurrentWeight(t));
        for (var i = 0; i < mean.Length; i++)
            mean[i] = sample * clean[i] + current * x[i];
    }

    /// <summary>The logarithm of the variance of an element of x after a step.</summary>
    public float LogVariance(int step, ReadOnlySpan<float> prediction, int length, int element)
    {
        var t = IndexOf(step);
        var least = (float)Process.PosteriorLogVariance(t);
        if (Rules.Variance == Variance.Posterior)
            return least;
        var part = (prediction[length + element] + 1) / 2;
        if (Rules.Variance == Variance.LearnedSigmoid)
            part = 1 / (1 + MathF.Exp(-part));
        return part * (float)Math.Log(Process.Beta(t)) + (1 - part) * least;
    }

    protected override int IndexOf(int step) => timesteps.Length - 1 - step;

    protected override int NextIndexOf(int step) => IndexOf(step) - 1;
}
