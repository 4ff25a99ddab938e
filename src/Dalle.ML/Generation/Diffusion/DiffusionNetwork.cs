using Dalle.ML.Bundles;
using Dalle.ML.Generation.Diffusion.Schedulers;
using Dalle.ML.Runtime;

namespace Dalle.ML.Generation.Diffusion;

/// <summary>
/// A network that denoises x from noise, step by step: the prior or one of the stages. A row without guidance, two with it: the
/// conditional and the unconditional one. Each x is run alone, so that it does not depend on others. Thread-safe.
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
    private readonly int _number = number;
    private readonly INoiseSource _noise = noise;
    private readonly string? _condition = condition;
    private readonly long[] _shape = shape;
    private readonly int _length = (int)shape.Aggregate((product, size) => product * size);

    /// <summary>
    /// Denoises several x. Of a large model a graph is loaded once for all of them: first the one that is run once, then that of the steps, then that of
    /// the last steps.
    /// </summary>
    /// <returns>For each run x after the last step, as soon as it is there; null for one that was cancelled alone.</returns>
    public IEnumerable<float[]?> Denoise(IReadOnlyList<Denoising> runs, CancellationToken cancellationToken)
    {
        var states = new List<State>();
        try
        {
            foreach (var run in runs)
            {
                cancellationToken.ThrowIfCancellationRequested();
                states.Add(new State(this, run));
            }
            foreach (var state in states)
                state.Take(untilLast: true, cancellationToken);
            foreach (var state in states)
                yield return state.Take(untilLast: false, cancellationToken);
        }
        finally
        {
            states.ForEach(state => state.Dispose());
        }
    }

    private int LastCount => last?.Steps ?? 0;

    private string FileOf(Scheduler scheduler, int step) => step >= scheduler.Steps - LastCount ? last!.File : file;

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

    /// <summary>A run on its way.</summary>
    private sealed class State(DiffusionNetwork owner, Denoising run) : IDisposable
    {
        private readonly Inputs _inputs = new(owner, run.Guidance, run.Conditions);
        private readonly Inputs? _inversion = run.Inversion is null ? null : new(owner, guidance: 1, run.Conditions);
        // Those that lead back from an image are reported before the others.
        private readonly int _invertedSteps = run.Inversion?.Scheduler.Steps ?? 0;
        private readonly float[] _clean = new float[owner._length];
        private readonly float[] _fresh = new float[owner._length];
        private float[]? _x;
        private int _step;
        private bool _isCancelled;

        /// <summary>Takes the steps up to those of the last graph, or all.</summary>
        /// <returns>x after them; null if the run alone was cancelled.</returns>
        public float[]? Take(bool untilLast, CancellationToken cancellationToken)
        {
            if (_isCancelled)
                return null;
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, run.CancellationToken);
            try
            {
                _x ??= Start(either.Token);
                for (var end = run.Scheduler.Steps - (untilLast ? owner.LastCount : 0); _step < end; _step++)
                    TakeStep(_x, either.Token);
            }
            catch (OperationCanceledException) when (run.CancellationToken.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                _isCancelled = true;
                return null;
            }
            if (!untilLast)
                run.Known?.PutInto(_x, run.Known.Values);
            return _x;
        }

        public void Dispose()
        {
            _inputs.Dispose();
            _inversion?.Dispose();
        }

        private float[] Start(CancellationToken cancellationToken)
        {
            if (run.Inversion is { } inversion)
                return Invert(inversion, cancellationToken);
            var x = new float[owner._length];
            Fill(x, NoiseUse.Initial, pass: run.Candidate);
            if (run.NoiseLength is { } length)
                Thresholding.BringToLength(x, length);
            return x;
        }

        /// <summary>The noise that an image would be made from without fresh noise and guidance.</summary>
        private float[] Invert(Inversion inversion, CancellationToken cancellationToken)
        {
            var (x, scheduler) = (inversion.Clean.AsSpan().ToArray(), inversion.Scheduler);
            for (var step = scheduler.Steps - 1; step >= 0; step--)
            {
                cancellationToken.ThrowIfCancellationRequested();
                _inversion!.Predict(scheduler, step, x, _clean);
                scheduler.Invert(step, x, _clean);
                Report(scheduler.Steps - step);
            }
            return x;
        }

        private void TakeStep(float[] x, CancellationToken cancellationToken)
        {
            var (scheduler, known) = (run.Scheduler, run.Known);
            var end = run.Candidate + (known?.Passes ?? 1);
            for (var pass = run.Candidate; pass < end; pass++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (known?.Passes is not null)
                {
                    Fill(_fresh, NoiseUse.Known, pass);
                    scheduler.AddNoise(_step, known.Values, _fresh, _fresh);
                    known.PutInto(x, _fresh);
                }
                var prediction = _inputs.Predict(scheduler, _step, x, _clean);
                if (scheduler.AddsNoise(_step))
                    Fill(_fresh, NoiseUse.Step, pass);
                scheduler.Step(_step, x, prediction, _clean, _fresh);
                if (pass == end - 1 || _step == scheduler.Steps - 1)
                    continue;
                Fill(_fresh, NoiseUse.Undo, pass);
                scheduler.Undo(_step, x, _fresh);
            }
            Report(_invertedSteps + _step + 1);
        }

        private void Report(int done) => run.Report(done, _invertedSteps + run.Scheduler.Steps, _clean);

        private void Fill(float[] values, NoiseUse use, int pass) => owner._noise.Fill(run.Seed, new NoiseKey(owner._number, use, _step, pass), values);
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
