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
    private readonly NetworkCache _cache = cache;
    private readonly string? _condition = condition;
    private readonly long[] _shape = shape;
    private readonly int _length = (int)shape.Aggregate((product, size) => product * size);

    /// <summary>Denoises.</summary>
    /// <returns>x after the last step.</returns>
    public float[] Denoise(Denoising run, CancellationToken cancellationToken)
    {
        var (scheduler, seed, known) = (run.Scheduler, run.Seed, run.Known);
        var (clean, fresh) = (new float[_length], new float[_length]);
        using var inputs = new Inputs(this, run.Guidance, run.Conditions);
        var x = new float[_length];
        noise.Fill(seed, new NoiseKey(number, NoiseUse.Initial, Pass: run.Candidate), x);
        run.Prepare?.Invoke(x);
        var passes = known?.Passes ?? 1;
        for (var step = 0; step < scheduler.Steps; step++)
        {
            for (var pass = run.Candidate; pass < run.Candidate + passes; pass++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (known?.Passes is not null)
                {
                    noise.Fill(seed, new NoiseKey(number, NoiseUse.Known, step, pass), fresh);
                    scheduler.AddNoise(step, known.Values, fresh, fresh);
                    known.PutInto(x, fresh);
                }
                var prediction = inputs.Predict(scheduler, step, x, clean);
                if (scheduler.AddsNoise(step))
                    noise.Fill(seed, new NoiseKey(number, NoiseUse.Step, step, pass), fresh);
                scheduler.Step(step, x, prediction, clean, fresh);
                if (pass == run.Candidate + passes - 1 || step == scheduler.Steps - 1)
                    continue;
                noise.Fill(seed, new NoiseKey(number, NoiseUse.Undo, step, pass), fresh);
                scheduler.Undo(step, x, fresh);
            }
            run.Report(step + 1, scheduler.Steps, clean);
        }
        known?.PutInto(x, known.Values);
        return x;
    }

    /// <summary>The noise that an image would be made from without fresh noise and guidance.</summary>
    /// <param name="scheduler">The steps, which are taken backwards.</param>
    /// <param name="conditions">Adds what the network is told to its inputs, for a number of rows.</param>
    /// <param name="image">The clean x.</param>
    /// <param name="cancellationToken">Checked at each step.</param>
    public float[] Invert(DdimScheduler scheduler, Action<NamedTensors, int> conditions, float[] image, CancellationToken cancellationToken)
    {
        var (x, clean) = (image.AsSpan().ToArray(), new float[_length]);
        using var inputs = new Inputs(this, guidance: 1, conditions);
        for (var step = scheduler.Steps - 1; step >= 0; step--)
        {
            cancellationToken.ThrowIfCancellationRequested();
            inputs.Predict(scheduler, step, x, clean);
            scheduler.Invert(step, x, clean);
        }
        return x;
    }

    private string FileOf(Scheduler scheduler, int step) => last is not null && step >= scheduler.Steps - last.Steps ? last.File : file;

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

    /// <summary>The inputs of the network over the steps of a run, what is computed once among them.</summary>
    private sealed class Inputs : IDisposable
    {
        private readonly DiffusionNetwork _owner;
        private readonly float _guidance;
        private readonly NamedTensors _tensors = new();
        private readonly float[] _x;
        private readonly float[] _selfCondition;
        private readonly long[] _times;

        public Inputs(DiffusionNetwork owner, float guidance, Action<NamedTensors, int> conditions)
        {
            (_owner, _guidance) = (owner, guidance);
            var rows = guidance == 1 ? 1 : 2;
            (_x, _selfCondition, _times) = (new float[rows * owner._length], new float[rows * owner._length], new long[rows]);
            bool[] conditional = [true, false];
            long[] shape = [rows, .. owner._shape];
            _tensors.Add("conditional", conditional[..rows], rows);
            conditions(_tensors, rows);
            _tensors.Add("x", _x, shape);
            _tensors.Add("t", _times, rows);
            _tensors.Add("self_condition", _selfCondition, shape);
            if (owner._condition is { } condition)
            {
                using var once = owner._cache.Open(condition);
                once.Session.Run(_tensors);
            }
        }

        /// <summary>The guided prediction of a step, and the estimate of the clean x that it stands for.</summary>
        public float[] Predict(Scheduler scheduler, int step, float[] x, float[] clean)
        {
            for (var row = 0; row < _times.Length; row++)
                x.CopyTo(_x, row * x.Length);
            Array.Fill(_times, scheduler.Timestep(step));
            using var network = _owner._cache.Open(_owner.FileOf(scheduler, step));
            var prediction = _owner.Guide(network.Session.Run<float>(_tensors, "prediction"), _times.Length, _guidance);
            scheduler.PredictClean(step, x, prediction, clean);
            for (var row = 0; row < _times.Length; row++)
                clean.CopyTo(_selfCondition, row * clean.Length);
            return prediction;
        }

        public void Dispose() => _tensors.Dispose();
    }
}
