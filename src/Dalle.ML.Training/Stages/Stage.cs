using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Dalle.ML.Training.Checkpoints;
using Dalle.ML.Training.Native;
using Dalle.ML.Training.Networks;
using Dalle.ML.Training.Optimisation;
using TorchSharp;
using static TorchSharp.torch;
using Module = TorchSharp.torch.nn.Module;

namespace Dalle.ML.Training.Stages;

/// <summary>A value to show, by name.</summary>
internal readonly record struct Figure(string Name, Tensor Value);

/// <summary>A part of a batch that a replica works on.</summary>
/// <param name="Replica">The number of the replica.</param>
/// <param name="Start">The first image of it.</param>
/// <param name="Count">Number of images.</param>
internal readonly record struct Share(int Replica, int Start, int Count);

/// <summary>
/// A stage of training: the loop over images, which is the same for all. Batches are cut from one stream of epochs, each in an order of its
/// own; what is random in a step follows from the seed and the step's number. So a run that goes on from a checkpoint is the run that was
/// never interrupted.
/// </summary>
/// <typeparam name="TNetwork">The network.</typeparam>
/// <typeparam name="TBatch">What a batch is prepared as, off the threads of the replicas.</typeparam>
internal abstract class Stage<TNetwork, TBatch> : IDisposable
    where TNetwork : Module
{
    private readonly TrainingStage _kind;
    private readonly TrainingSchedule _schedule;
    private readonly IReadOnlyList<int> _images, _validation;
    private readonly object _sizes;
    private readonly StepSeeds _seeds;
    private readonly TNetwork[] _networks;
    private readonly Generator[] _generators;
    private readonly FlatParameters _parameters;
    private readonly AdamW _optimiser;
    private readonly bool _isBfloat16;
    private (long Epoch, int[] Order) _order = (-1, []);
    private TimeSpan _elapsedBefore;
    private long _step;

    /// <param name="context">Images, texts, plan.</param>
    /// <param name="kind">Which stage it is.</param>
    /// <param name="schedule">Its schedule.</param>
    /// <param name="sizes">The sizes of the network.</param>
    /// <param name="hasUse">Whether an image is of use.</param>
    /// <param name="create">Makes the network.</param>
    /// <param name="groups">The groups of parameters.</param>
    protected Stage(
        StageContext context, TrainingStage kind, TrainingSchedule schedule, object sizes, Func<int, bool> hasUse, Func<WeightInitializer, TNetwork> create,
        IReadOnlyList<ParameterGroup> groups)
    {
        (Context, _kind, _schedule, _sizes) = (context, kind, schedule, sizes);
        var plan = context.Plan;
        _images = [.. context.Set.Training.Where(hasUse)];
        _validation = [.. context.Set.Validation.Where(hasUse)];
        if (_images.Count == 0)
            throw new InvalidDataException($"There is no image to train {Describe(kind)} on{(kind == TrainingStage.Clip ? ": none has a caption" : "")}.");
        _seeds = new(plan.Seed, kind);
        var isCpu = context.Device.type == DeviceType.CPU;
        var replicas = Math.Clamp(plan.Replicas ?? (isCpu ? Environment.ProcessorCount : 1), 1, schedule.BatchSize);
        Threads = new(replicas, isCpu ? Math.Max(1, Environment.ProcessorCount / replicas) : 1);
        using var random = new Generator((ulong)_seeds.Weights);
        _networks = [.. Enumerable.Range(0, replicas).Select(_ => create(new(random, context.Device)))];
        _generators = [.. Enumerable.Range(0, replicas).Select(_ => new Generator(0, context.Device))];
        _parameters = new(_networks, groups);
        _optimiser = new(_parameters, schedule);
        _isBfloat16 = plan.UsesBfloat16 ?? MixedPrecision.IsFastOn(context.Device);
        Result = _networks[0];
        if (_optimiser.Average is { } average)
        {
            Result = create(new(random, context.Device));
            _parameters.Bind(Result, average);
        }
    }

    protected StageContext Context { get; }

    protected ReplicaThreads Threads { get; }

    /// <summary>The networks that learn.</summary>
    protected IReadOnlyList<TNetwork> Networks => _networks;

    /// <summary>The network that is the result: with averaged weights, if the schedule has it.</summary>
    protected TNetwork Result { get; }

    /// <summary>What a stage keeps beside weights and optimiser.</summary>
    protected virtual IEnumerable<(string Name, Tensor Tensor)> State => [];

    private long Steps => ((long)_schedule.Epochs * _images.Count + StepSize - 1) / StepSize;

    private long StepSize => (long)_schedule.BatchSize * _schedule.Accumulation;

    /// <summary>
    /// Trains until the stage is over or cancelled, from the checkpoint on that is there; then the result is in the checkpoint.
    /// </summary>
    /// <returns>Whether it is over.</returns>
    public bool Run(IProgress<TrainingProgress>? progress, CancellationToken cancellationToken)
    {
        Restore();
        var clock = Stopwatch.StartNew();
        var (firstStep, firstDone) = (_step, Done(_elapsedBefore));
        var validation = new Dictionary<string, double>();
        TimeSpan lastSave = TimeSpan.Zero, lastSheet = TimeSpan.Zero;
        Task<TBatch[]>? prepared = null;
        try
        {
            var done = firstDone;
            while (done < 1)
            {
                if (cancellationToken.IsCancellationRequested)
                {
                    Save(clock.Elapsed);
                    return false;
                }
                var batches = (prepared ?? Task.Run(() => Prepare(_step), CancellationToken.None)).GetAwaiter().GetResult();
                var next = _step + 1;
                prepared = next < Steps ? Task.Run(() => Prepare(next), CancellationToken.None) : null;
                var losses = Learn(batches, done);
                _step = next;
                done = Done(_elapsedBefore + clock.Elapsed);
                var seen = _step * StepSize;
                var isEpochOver = seen / _images.Count != (seen - StepSize) / _images.Count;
                if (isEpochOver || done >= 1)
                    validation = Validate(cancellationToken) ?? validation;
                progress?.Report(new(
                    _kind, Math.Min(_schedule.Epochs, (int)((seen - 1) / _images.Count) + 1), _step, Steps, done, (_step - firstStep) * StepSize / clock.Elapsed.TotalSeconds,
                    _elapsedBefore + clock.Elapsed, done > firstDone ? clock.Elapsed * ((1 - done) / (done - firstDone)) : null, losses, validation));
                if (Context.Plan.Samples is { } show && (done >= 1 || clock.Elapsed - lastSheet >= Context.Plan.SamplesEvery) && MakeSamples(_step) is { } sheet)
                {
                    show(sheet);
                    lastSheet = clock.Elapsed;
                }
                if (done < 1 && clock.Elapsed - lastSave >= Context.Plan.CheckpointEvery)
                {
                    Save(clock.Elapsed);
                    lastSave = clock.Elapsed;
                }
            }
            if (_step > firstStep)
                Save(clock.Elapsed);
            return true;
        }
        finally
        {
            // It reads images, which its owner may dispose from now on.
            (prepared as Task ?? Task.CompletedTask).ContinueWith(_ => { }, TaskScheduler.Default).Wait(CancellationToken.None);
        }
    }

    public virtual void Dispose()
    {
        Threads.Dispose();
        _optimiser.Dispose();
        _parameters.Dispose();
        foreach (var network in _networks.Append(Result))
            network.Dispose();
        foreach (var generator in _generators)
            generator.Dispose();
    }

    /// <summary>Fills new networks with the weights that training starts from, if there are any.</summary>
    protected abstract void LoadStart();

    /// <summary>Begins <see cref="State"/> anew, from weights that were read.</summary>
    protected virtual void ResetState()
    {
    }

    /// <summary>Reads images and captions. It runs on a thread of its own while the step before is computed.</summary>
    /// <param name="images">Their numbers.</param>
    /// <param name="random">Choices are made by it; null for the same each time, without dropout.</param>
    protected abstract TBatch Prepare(IReadOnlyList<int> images, Random? random);

    /// <summary>The loss of a part of a batch, and figures to show.</summary>
    protected abstract (Tensor Loss, Figure[] Figures) Loss(TNetwork network, TBatch batch, Share share, Generator random, double done);

    /// <summary>Figures of a part of a batch of validation images.</summary>
    protected abstract Figure[] Measure(TNetwork network, TBatch batch, Share share);

    /// <summary>Adds what follows from the means of the figures of <see cref="Measure"/>.</summary>
    protected virtual void Complete(Dictionary<string, double> validation)
    {
    }

    /// <summary>Whether a group of parameters still learns.</summary>
    protected virtual bool IsLearning(int group, double done) => true;

    /// <summary>The part of the cosine of the learning rate that is over.</summary>
    protected virtual double Phase(double done) => done;

    /// <summary>Images that show what was learnt; null if there is nothing to show.</summary>
    protected virtual SampleImage[]? MakeSamples(IReadOnlyList<int> images) => null;

    private TBatch[] Prepare(long step) =>
    [
        .. Enumerable.Range(0, _schedule.Accumulation).Select(pass => Prepare(
            [.. Enumerable.Range(0, _schedule.BatchSize).Select(i => ImageAt((step * _schedule.Accumulation + pass) * _schedule.BatchSize + i))],
            new Random(_seeds.Batch(step * _schedule.Accumulation + pass)))),
    ];

    /// <summary>The image at a place of the stream of epochs.</summary>
    private int ImageAt(long place)
    {
        var epoch = place / _images.Count;
        if (_order.Epoch != epoch)
        {
            int[] order = [.. _images];
            new Random(_seeds.Order(epoch)).Shuffle(order);
            _order = (epoch, order);
        }
        return _order.Order[place % _images.Count];
    }

    private Dictionary<string, double> Learn(TBatch[] batches, double done)
    {
        var figures = new List<(string Name, double Value)>[Threads.Count];
        var rate = _schedule.LearningRate * (Math.Min(1, (_step + 1.0) / _schedule.WarmUpSteps) * (0.5 + 0.5 * Math.Cos(Math.PI * Phase(done))) + 0.01);
        // What no longer learns is computed by other code.
        var kind = nameof(Learn) + (IsLearning(0, done) ? "" : " the rest");
        Threads.Run(replica =>
        {
            figures[replica] = [];
            using var scope = NewDisposeScope();
            using (no_grad())
                _parameters.Gradients[replica].zero_();
            _generators[replica].manual_seed(_seeds.Noise(_step, replica));
            var (start, count) = Threads.Share(replica, _schedule.BatchSize);
            var weight = (double)count / _schedule.BatchSize / batches.Length;
            foreach (var batch in batches)
            {
                Threads.Pass(kind, count, () =>
                {
                    using var pass = NewDisposeScope();
                    using var precision = new MixedPrecision(_isBfloat16);
                    var (loss, values) = Loss(_networks[replica], batch, new(replica, start, count), _generators[replica], done);
                    loss.Times(weight).backward();
                    figures[replica].AddRange(values.Select(figure => (figure.Name, weight * figure.Value.Number())));
                });
            }
            using var off = no_grad();
            Threads.Meet();
            _optimiser.SumGradients(replica);
            Threads.Meet();
            _optimiser.Update(replica, _step + 1, rate, group => IsLearning(group, done));
        });
        return figures.SelectMany(own => own).GroupBy(figure => figure.Name).ToDictionary(same => same.Key, same => same.Sum(figure => figure.Value));
    }

    /// <summary>Figures of all validation images; null if it was cancelled.</summary>
    private Dictionary<string, double>? Validate(CancellationToken cancellationToken)
    {
        var sums = new Dictionary<string, double>();
        foreach (var images in _validation.Chunk(_schedule.BatchSize))
        {
            if (cancellationToken.IsCancellationRequested)
                return null;
            var batch = Prepare(images, random: null);
            var figures = new (string Name, double Value)[Threads.Count][];
            Threads.Run(replica =>
            {
                using var scope = NewDisposeScope();
                using var off = no_grad();
                using var precision = new MixedPrecision(_isBfloat16);
                var (start, count) = Threads.Share(replica, images.Length);
                figures[replica] = [];
                if (count > 0)
                {
                    Threads.Pass(nameof(Validate), count, () => figures[replica] =
                        [.. Measure(Result, batch, new(replica, start, count)).Select(f => (f.Name, f.Value.Number() * count / _validation.Count))]);
                }
            });
            foreach (var (name, value) in figures.SelectMany(own => own))
                sums[name] = sums.GetValueOrDefault(name) + value;
        }
        if (sums.Count > 0)
            Complete(sums);
        return sums;
    }

    private SampleSheet? MakeSamples(long step)
    {
        const int Samples = 8;
        int[] shown = [.. (_validation.Count > 0 ? _validation : _images).Take(Samples)];
        SampleImage[]? samples = null;
        Threads.Run(replica =>
        {
            if (replica != 0)
                return;
            using var scope = NewDisposeScope();
            using var off = no_grad();
            Threads.Pass(nameof(MakeSamples), shown.Length, () => samples = MakeSamples(shown));
        });
        return samples is null ? null : new(_kind, step, Context.Set.ImageSize, samples);
    }

    /// <summary>The part of the stage that is over, of its steps or of its time.</summary>
    private double Done(TimeSpan elapsed) => Math.Min(1, Math.Max((double)_step / Steps, _schedule.MaxDuration is { } limit ? elapsed / limit : 0));

    private void Restore()
    {
        var path = TrainingCheckpoint.PathOf(Context.Plan.Folder, _kind);
        using var saved = TrainingCheckpoint.TryOpen(path);
        if (saved is null)
        {
            LoadStart();
            using var off = no_grad();
            _optimiser.Average?.copy_(_parameters.Weights);
            ResetState();
            return;
        }
        if (!saved.Sizes(_sizes.GetType()).Equals(_sizes))
        {
            throw new InvalidDataException($"'{path}' is the checkpoint of a network of other sizes ({saved.Config}) than those that are to be trained ({_sizes}). "
                + "Choose another folder, or the sizes that it was begun with.");
        }
        if (saved.Seed is { } seed && seed != Context.Plan.Seed)
            throw new InvalidDataException($"'{path}' was begun with the seed {seed}, not {Context.Plan.Seed}. Choose another folder, or this seed.");
        using var scope = NewDisposeScope();
        saved.Read("model.", Model);
        if (saved.Has("exp_avg."))
        {
            saved.Read("exp_avg.", _parameters.Views(_optimiser.Mean));
            saved.Read("exp_avg_sq.", _parameters.Views(_optimiser.Square));
        }
        // Where the recipes have written it there is no average: it begins with the weights.
        if (_optimiser.Average is { } average)
            saved.Read(saved.Has("average.") ? "average." : "model.", _parameters.Views(average));
        if (saved.Has("state."))
            saved.Read("state.", State);
        else
            ResetState();
        (_step, _elapsedBefore) = (saved.Step, saved.Elapsed);
    }

    private void Save(TimeSpan elapsed)
    {
        using var scope = NewDisposeScope();
        IEnumerable<(string Name, Tensor Tensor)> tensors =
        [
            .. Prefixed("model.", Model),
            .. Prefixed("exp_avg.", _parameters.Views(_optimiser.Mean)),
            .. Prefixed("exp_avg_sq.", _parameters.Views(_optimiser.Square)),
            .. _optimiser.Average is { } average ? Prefixed("average.", _parameters.Views(average)) : [],
            .. Prefixed("state.", State),
        ];
        SafetensorsWriter.Write(TrainingCheckpoint.PathOf(Context.Plan.Folder, _kind), [.. tensors], new Dictionary<string, string>
        {
            ["config"] = JsonSerializer.Serialize(_sizes, TrainingCheckpoint.Json),
            ["step"] = _step.ToString(CultureInfo.InvariantCulture),
            ["seen"] = (_step * StepSize).ToString(CultureInfo.InvariantCulture),
            ["epoch"] = (_step * StepSize / _images.Count).ToString(CultureInfo.InvariantCulture),
            ["elapsed"] = (_elapsedBefore + elapsed).TotalSeconds.ToString("R", CultureInfo.InvariantCulture),
            ["seed"] = Context.Plan.Seed.ToString(CultureInfo.InvariantCulture),
        });

        static IEnumerable<(string, Tensor)> Prefixed(string prefix, IEnumerable<(string Name, Tensor Tensor)> tensors) => tensors.Select(t => (prefix + t.Name, t.Tensor));
    }

    private IEnumerable<(string Name, Tensor Tensor)> Model =>
        [.. _networks[0].named_parameters().Select(p => (p.name, (Tensor)p.parameter)), .. _networks[0].named_buffers().Select(b => (b.name, b.buffer))];

    private static string Describe(TrainingStage stage) => stage switch
    {
        TrainingStage.DiscreteVae => "the discrete VAE",
        TrainingStage.Transformer => "the transformer",
        _ => "CLIP",
    };
}
