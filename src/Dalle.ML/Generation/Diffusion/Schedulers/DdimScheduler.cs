using System.Numerics.Tensors;
using Dalle.ML.Bundles;

namespace Dalle.ML.Generation.Diffusion.Schedulers;

/// <summary>
/// Deterministic sampling, or with a part η of the noise of DDPM, in few steps (Song et al. 2020, "Denoising diffusion implicit models"). Without noise
/// it can be inverted: from an image to the noise that it would be made from.
/// </summary>
internal sealed class DdimScheduler : Scheduler
{
    private readonly float _eta;
    private readonly int[] _timesteps;
    private readonly int[] _indices;

    /// <param name="rules">What the network predicts.</param>
    /// <param name="process">The tables.</param>
    /// <param name="timesteps">What the network is told at each step, descending.</param>
    /// <param name="indices">The places of these timesteps in the tables, and of the one that the last step leads to: −1 for the finished image.</param>
    /// <param name="eta">0 for no noise, 1 for that of DDPM.</param>
    private DdimScheduler(DiffusionRules rules, DiffusionProcess process, int[] timesteps, int[] indices, float eta)
        : base(rules, process) => (_timesteps, _indices, _eta) = (timesteps, indices, eta);

    public override int Steps => _timesteps.Length;

    /// <exception cref="ArgumentOutOfRangeException">No whole stride gives that number of steps.</exception>
    public static DdimScheduler Create(DiffusionRules rules, int steps, float eta)
    {
        var count = rules.Schedule.Timesteps;
        switch (rules.Ddim.Times)
        {
            case DdimTimes.Strided:
                var kept = Respacing.Strided(count, steps);
                return new(
                    rules, DiffusionProcess.Of(rules.Schedule).Respace(kept), [.. kept.Reverse()], [.. Enumerable.Range(-1, steps + 1).Reverse()], eta);
            case DdimTimes.ToFirst:
                return Truncated(Respacing.Truncated(0, count, steps + 1));
            default:
                return Truncated(Respacing.Truncated(-1, count, steps));
        }

        DdimScheduler Truncated(int[] times)
        {
            // With more steps than timesteps some of them fall together.
            int[] indices = [.. times.Distinct()];
            return new(rules, DiffusionProcess.Of(rules.Schedule), indices[..^1], indices, eta);
        }
    }

    public override long Timestep(int step) => _timesteps[step];

    public override bool AddsNoise(int step) => _eta > 0 && step < Steps - 1;

    public override void Step(int step, Span<float> x, ReadOnlySpan<float> prediction, ReadOnlySpan<float> clean, ReadOnlySpan<float> noise)
    {
        var (signal, next) = (SignalOf(_indices[step]), SignalOf(_indices[step + 1]));
        var fresh = next < 1 ? _eta * Math.Sqrt((1 - signal / next) * (1 - next) / (1 - signal)) : 0;
        var kept = (float)Math.Sqrt(Math.Max(0, 1 - next - fresh * fresh));
        if (Rules.Ddim.KeepsNoise)
            PredictNoise(step, x, prediction);
        else
            Process.PredictNoise(IndexOf(step), x, clean, x);
        TensorPrimitives.Multiply(x, kept, x);
        TensorPrimitives.MultiplyAdd(clean, (float)Math.Sqrt(next), x, x);
        if (AddsNoise(step))
            TensorPrimitives.MultiplyAdd(noise, (float)fresh, x, x);
    }

    /// <summary>Takes a step backwards, towards the noise.</summary>
    /// <param name="step">The step, from the last to 0.</param>
    /// <param name="x">x after the step; before it afterwards.</param>
    /// <param name="clean">The estimate of x₀ at x and the step's timestep.</param>
    public void Invert(int step, Span<float> x, ReadOnlySpan<float> clean)
    {
        var signal = step == 0 ? 0 : SignalOf(_indices[step - 1]);
        Process.PredictNoise(IndexOf(step), x, clean, x);
        TensorPrimitives.Multiply(x, (float)Math.Sqrt(1 - signal), x);
        TensorPrimitives.MultiplyAdd(clean, (float)Math.Sqrt(signal), x, x);
    }

    protected override int IndexOf(int step) => _indices[step];

    protected override int NextIndexOf(int step) => _indices[step + 1];

    private double SignalOf(int index) => Process.Signal(Rules.Ddim.ShiftsAlphas ? index - 1 : index);

    /// <summary>The noise that a prediction stands for, before x₀ was clamped.</summary>
    private void PredictNoise(int step, Span<float> x, ReadOnlySpan<float> prediction)
    {
        if (Rules.Prediction == Prediction.Noise)
        {
            prediction[..x.Length].CopyTo(x);
            return;
        }
        var clean = new float[x.Length];
        Process.PredictClean(IndexOf(step), Rules.Prediction, x, prediction, clean);
        Process.PredictNoise(IndexOf(step), x, clean, x);
    }
}
