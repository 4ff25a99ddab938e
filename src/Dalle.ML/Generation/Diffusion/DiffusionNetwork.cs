using Dalle.ML.Bundles;
using Dalle.ML.Generation.Diffusion.Schedulers;
using Dalle.ML.Runtime;

namespace Dalle.ML.Generation.Diffusion;

/// <summary>
/// A network that denoises x from noise, step by step: the prior or one of the stages. A row without guidance, two with it: the
/// conditional and the unconditional one. An image is always run alone, so that it does not depend on others. Thread-safe.
/// </summary>
/// <param name="cache">The sessions.</param>
/// <param name="number">Number of the network, which keeps its noise apart from that of others.</param>
/// <param name="condition">File of the graph that is run once; may be null.</param>
/// <param name="file">File of the graph of a step.</param>
/// <param name="last">The graph of the last steps; may be null.</param>
/// <param name="rules">How it is sampled.</param>
/// <param name="shape">Shape of x.</param>
/// <param name="noise">Where noise comes from.</param>
internal sealed class DiffusionNetwork(
    NetworkCache cache, int number, string? condition, string file, LastSteps? last, DiffusionRules rules, long[] shape, INoiseSource noise)
{
    private readonly int _length = (int)shape.Aggregate((product, size) => product * size);

    /// <summary>Denoises.</summary>
    /// <param name="scheduler">The steps.</param>
    /// <param name="guidance">Scale of guidance; 1 for none.</param>
    /// <param name="conditions">Adds what the network is told to its inputs, for a number of rows.</param>
    /// <param name="seed">Seed of the noise.</param>
    /// <param name="pass">Number of the candidate.</param>
    /// <param name="prepare">Is applied to the initial noise; may be null.</param>
    /// <param name="report">Receives the number of steps done and the estimate of the clean x.</param>
    /// <param name="cancellationToken">Checked at each step.</param>
    /// <returns>x after the last step.</returns>
    public float[] Denoise(
        Scheduler scheduler, float guidance, Action<NamedTensors, int> conditions, ulong seed, int pass, Action<float[]>? prepare,
        Action<int, float[]> report, CancellationToken cancellationToken)
    {
        var rows = guidance == 1 ? 1 : 2;
        var (inputs, times, clean, fresh) = (new float[rows * _length], new long[rows], new float[_length], new float[_length]);
        var selfCondition = new float[rows * _length];
        using var tensors = new NamedTensors();
        bool[] conditional = [true, false];
        tensors.Add("conditional", conditional[..rows], rows);
        conditions(tensors, rows);
        tensors.Add("x", inputs, [rows, .. shape]);
        tensors.Add("t", times, rows);
        tensors.Add("self_condition", selfCondition, [rows, .. shape]);
        if (condition is not null)
        {
            using var once = cache.Open(condition);
            once.Session.Run(tensors);
        }

        var x = new float[_length];
        noise.Fill(seed, new NoiseKey(number, NoiseUse.Initial, Pass: pass), x);
        prepare?.Invoke(x);
        for (var step = 0; step < scheduler.Steps; step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            for (var row = 0; row < rows; row++)
                x.CopyTo(inputs, row * _length);
            Array.Fill(times, scheduler.Timestep(step));
            using var network = cache.Open(last is not null && step >= scheduler.Steps - last.Steps ? last.File : file);
            var prediction = Guide(network.Session.Run<float>(tensors, "prediction"), rows, guidance);
            scheduler.PredictClean(step, x, prediction, clean);
            if (scheduler.AddsNoise(step))
                noise.Fill(seed, new NoiseKey(number, NoiseUse.Step, step, pass), fresh);
            scheduler.Step(step, x, prediction, clean, fresh);
            for (var row = 0; row < rows; row++)
                clean.CopyTo(selfCondition, row * _length);
            report(step + 1, clean);
        }
        return x;
    }

    /// <summary>u + s (c − u); the variance is the conditional one unless it is guided too.</summary>
    private float[] Guide(float[] predictions, int rows, float scale)
    {
        if (rows == 1)
            return predictions;
        var half = predictions.Length / 2;
        var prediction = predictions[..half];
        for (var i = 0; i < (rules.GuidesVariance ? half : _length); i++)
            prediction[i] = predictions[half + i] + scale * (predictions[i] - predictions[half + i]);
        return prediction;
    }
}
