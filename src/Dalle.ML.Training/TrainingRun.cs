using Dalle.ML.Training.Checkpoints;
using Dalle.ML.Training.Data;
using Dalle.ML.Training.Native;

namespace Dalle.ML.Training;

/// <summary>Trains on a user's images: reads them, learns the vocabulary, trains the stages one after the other and exports the bundle.</summary>
/// <param name="options">What is trained; seed and device are those of the options alone.</param>
/// <param name="device">The device as libtorch names it.</param>
/// <param name="note">Is told what the user should know.</param>
internal sealed class TrainingRun(DalleTrainingOptions options, string device, Action<string> note)
{
    private const string LockName = "run.lock";

    // Of all images that a stage learns from, the part of the time that TrainDalle gives to it.
    private static readonly Dictionary<TrainingStage, double> Shares = new()
    {
        [TrainingStage.DiscreteVae] = 0.25,
        [TrainingStage.Transformer] = 0.6,
        [TrainingStage.Clip] = 0.15,
    };

    private readonly TrainingPlan _size = options.Size switch
    {
        DalleSize.Tiny => TrainingPlan.Smallest(options.Folder),
        DalleSize.Medium => TrainingPlan.Medium(options.Folder),
        _ => TrainingPlan.Small(options.Folder),
    };

    private StartingPoint? _start;

    /// <summary>Width and height of the images in pixels.</summary>
    public int ImageSize => options.ImageSize ?? _start?.Config.ImageSize ?? options.Size switch
    {
        DalleSize.Tiny => 32,
        DalleSize.Medium => 128,
        _ => 64,
    };

    /// <summary>Is told how many images are read.</summary>
    public Action<int>? Reading { get; init; }

    /// <summary>Is told of each stage before it begins.</summary>
    public Action<TrainingStage>? Beginning { get; init; }

    /// <summary>Trains stages.</summary>
    /// <param name="source">The images.</param>
    /// <param name="stages">The stages, in their order.</param>
    /// <exception cref="ArgumentException">The device is not there.</exception>
    /// <exception cref="DllNotFoundException">libtorch cannot be loaded.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled before there is a model.</exception>
    /// <exception cref="InvalidOperationException">A stage before these is not trained.</exception>
    /// <exception cref="InvalidDataException">The data cannot be learnt from.</exception>
    /// <exception cref="DalleBundleException">The bundle to start from is invalid or cannot be trained further.</exception>
    /// <exception cref="IOException">The folder is used by another run, or cannot be written.</exception>
    public TrainingResult Train(IImageSource source, IReadOnlyList<TrainingStage> stages)
    {
        Directory.CreateDirectory(options.Folder);
        using var claim = Claim();
        // Before images are read, which may take an hour.
        LibTorch.Device(device);
        _start = options.StartFrom is { } start ? StartingPoint.Open(start, options.Folder, note) : null;
        if (stages[0] == TrainingStage.Clip && !IsTrained(TrainingStage.Transformer))
            throw new InvalidOperationException($"The transformer is not trained yet: '{options.Folder}' has no checkpoint of it. Run TrainTransformer first.");
        var needsCaptions = stages.Any(stage => stage != TrainingStage.DiscreteVae);
        using var set = TrainingSet.Open(source, options.Folder, SetOptions(needsCaptions), note, Reading, options.CancellationToken);
        var text = Text(set);
        var plan = Plan(stages);
        var cut = set.Training.Count(image => set.Captions(image).Any(caption => text.Encode(caption, 0, Random.Shared).Length > plan.TextLength));
        if (cut > 0)
            note($"{Counted.Of(cut, "image has a caption", "images have captions")} of more than {plan.TextLength} tokens: the rest is not learnt. A longer TextLength (--text-length) reads it.");

        var example = set.Training.SelectMany(set.Captions).FirstOrDefault();
        var training = new DalleTraining(set, text, plan);
        foreach (var stage in stages)
        {
            Beginning?.Invoke(stage);
            if (Train(training, stage))
                continue;
            if (!IsTrained(stages is [TrainingStage.DiscreteVae] ? TrainingStage.DiscreteVae : TrainingStage.Transformer))
            {
                throw new OperationCanceledException(
                    $"Training was interrupted before there is a model. What was learnt is kept in '{options.Folder}': start it again to go on.", options.CancellationToken);
            }
            return new(training.ExportBundle(), IsFinished: false, example);
        }
        return new(training.ExportBundle(), IsFinished: true, example);
    }

    private bool IsTrained(TrainingStage stage) => File.Exists(TrainingCheckpoint.PathOf(options.Folder, stage));

    private bool Train(DalleTraining training, TrainingStage stage) => stage switch
    {
        TrainingStage.DiscreteVae => training.TrainDiscreteVae(options.Progress, options.CancellationToken),
        TrainingStage.Transformer => training.TrainTransformer(options.Progress, options.CancellationToken),
        _ => training.TrainClip(options.Progress, options.CancellationToken),
    };

    /// <summary>Keeps others from the folder until this run ends, however that is.</summary>
    private FileStream Claim()
    {
        try
        {
            return new FileStream(Path.Combine(options.Folder, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException exception)
        {
            throw new IOException($"The folder '{options.Folder}' is used by another training. Wait for its end, or name another folder.", exception);
        }
    }

    private TrainingSetOptions SetOptions(bool needsCaptions) => new()
    {
        ImageSize = ImageSize,
        ValidationFraction = options.ValidationFraction,
        MaxUnreadable = options.MaxUnreadable,
        Flips = options.Flips,
        NeedsCaptions = needsCaptions,
        Seed = options.Seed!.Value,
    };

    /// <summary>The vocabulary of the run's folder, so that networks which were trained with it go on; a new one if there is none.</summary>
    private TrainingText Text(TrainingSet set)
    {
        var hasLeadingSpace = _start?.Config.Text.LeadingSpace ?? false;
        if (TrainingText.IsIn(options.Folder))
            return new TrainingText(options.Folder, hasLeadingSpace);
        var captions = set.Training.SelectMany(set.Captions);
        var text = _start is { } start ? new TrainingText(start.Folder, hasLeadingSpace).Extend(captions, options.VocabularySize) : TrainingText.Learn(captions, options.VocabularySize);
        text.Save(options.Folder);
        return text;
    }

    private TrainingPlan Plan(IReadOnlyList<TrainingStage> stages)
    {
        var time = stages.Sum(stage => Shares[stage]);
        return _size with
        {
            Name = options.Name,
            Seed = options.Seed!.Value,
            TextLength = options.TextLength ?? _start?.Config.Text.Length ?? _size.TextLength,
            Replicas = options.Threads,
            Device = device,
            CheckpointEvery = options.CheckpointEvery,
            Samples = sheet => SampleSheetFile.Write(sheet, options.Folder),
            SamplesEvery = options.SamplesEvery,
            StartFrom = _start,
            FreezesDiscreteVae = options.FreezeDiscreteVae,
            DiscreteVae = _size.DiscreteVae with
            {
                Quantizer = options.UsesGumbel ? Quantizer.Gumbel : Quantizer.Vq,
                Schedule = Schedule(_size.DiscreteVae.Schedule, TrainingStage.DiscreteVae, options.DiscreteVaeEpochs),
            },
            Transformer = _size.Transformer with
            {
                IsSparse = options.UsesSparseAttention,
                Schedule = Schedule(_size.Transformer.Schedule, TrainingStage.Transformer, options.TransformerEpochs),
            },
            Clip = _size.Clip with { Schedule = Schedule(_size.Clip.Schedule, TrainingStage.Clip, options.ClipEpochs) },
        };

        TrainingSchedule Schedule(TrainingSchedule schedule, TrainingStage stage, int? epochs) => schedule with
        {
            Epochs = epochs ?? schedule.Epochs,
            BatchSize = options.BatchSize ?? schedule.BatchSize,
            MaxDuration = options.MaxDuration is { } limit && stages.Contains(stage) ? Shares[stage] / time * limit : null,
        };
    }
}

/// <summary>What training made.</summary>
/// <param name="Bundle">Folder of the bundle.</param>
/// <param name="IsFinished">Whether all stages are finished; if not, the run was cancelled and the bundle is the model so far.</param>
/// <param name="Example">A caption that the model has learnt; null if it has learnt none.</param>
internal sealed record TrainingResult(string Bundle, bool IsFinished, string? Example);
