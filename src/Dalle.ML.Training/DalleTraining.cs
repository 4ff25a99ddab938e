using Dalle.ML.Export;
using Dalle.ML.Export.Families;
using Dalle.ML.Training.Checkpoints;
using Dalle.ML.Training.Data;
using Dalle.ML.Training.Native;
using Dalle.ML.Training.Networks;
using Dalle.ML.Training.Stages;

namespace Dalle.ML.Training;

/// <summary>
/// Trains a DALL·E, a stage at a time. Each stage goes on from the checkpoint that an earlier run left in the folder of the plan.
/// </summary>
internal sealed class DalleTraining
{
    private readonly StageContext _context;

    /// <param name="set">Images and captions.</param>
    /// <param name="text">The vocabulary of the captions.</param>
    /// <param name="plan">Sizes and schedules.</param>
    /// <exception cref="ArgumentException">The plan contradicts itself, or the device is not there.</exception>
    /// <exception cref="InvalidDataException">The images are of a size that cannot be trained on, or the model to start from is not
    /// well-formed.</exception>
    /// <exception cref="DllNotFoundException">libtorch cannot be loaded.</exception>
    public DalleTraining(TrainingSet set, TrainingText text, TrainingPlan plan)
    {
        const int Token = DiscreteVaeNetwork.PixelsPerToken;
        if (set.ImageSize < Token || set.ImageSize % Token != 0)
            throw new InvalidDataException($"Images of {set.ImageSize} pixels cannot be trained on: their size must be a multiple of {Token}.");
        if (plan.FreezesDiscreteVae && plan.StartFrom is null)
            throw new ArgumentException("The discrete VAE can be frozen only where there is a model to start from.", nameof(plan));
        if (plan.StartFrom is { } start)
        {
            if (start.Config.ImageSize != set.ImageSize || start.Config.Grid * Token != set.ImageSize)
            {
                throw new InvalidDataException($"The model to start from has images of {start.Config.ImageSize} pixels and {start.Config.Grid} × {start.Config.Grid} tokens; "
                    + $"the images to train on have {set.ImageSize} pixels and {set.ImageSize / Token} × {set.ImageSize / Token} tokens. Give it images of its size.");
            }
            plan = start.Adapt(plan);
        }
        Directory.CreateDirectory(plan.Folder);
        _context = new(set, text, plan, LibTorch.Device(plan.Device));
    }

    /// <summary>Stage 1.</summary>
    /// <param name="progress">Is told after every step.</param>
    /// <param name="cancellationToken">Ends the stage after the step that runs.</param>
    /// <returns>Whether it is finished; if not, it was cancelled, and the model so far is in its checkpoint.</returns>
    public bool TrainDiscreteVae(IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (Plan.FreezesDiscreteVae)
            return true;
        using var stage = new DiscreteVaeStage(_context);
        return stage.Run(progress, cancellationToken);
    }

    /// <summary>Stage 2.</summary>
    /// <inheritdoc cref="TrainDiscreteVae"/>
    public bool TrainTransformer(IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        using var discreteVae = ReadDiscreteVae();
        using var stage = new TransformerStage(_context, discreteVae);
        try
        {
            stage.ReadTokens(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
        return stage.Run(progress, cancellationToken);
    }

    /// <summary>Stage 3.</summary>
    /// <inheritdoc cref="TrainDiscreteVae"/>
    public bool TrainClip(IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        using var discreteVae = ReadDiscreteVae();
        using var stage = new ClipStage(_context, discreteVae);
        return stage.Run(progress, cancellationToken);
    }

    /// <summary>
    /// Writes the trained networks as a checkpoint of the family <c>dalle</c>; without transformer or CLIP where that is not trained.
    /// </summary>
    /// <returns>Its folder.</returns>
    /// <exception cref="InvalidOperationException">The discrete VAE is not trained yet.</exception>
    public string WriteCheckpoint()
    {
        var folder = Directory.CreateDirectory(CheckpointFolder(Plan)).FullName;
        // Last, as it makes the folder a checkpoint.
        var configuration = Path.Combine(folder, "config.json");
        File.Delete(configuration);
        using var discreteVae = ReadDiscreteVae();
        if (Plan.FreezesDiscreteVae)
            Plan.StartFrom!.CopyDiscreteVae(Path.Combine(folder, "dvae.safetensors"));
        else
            DiscreteVaeFiles.WriteExported(Path.Combine(folder, "dvae.safetensors"), discreteVae);
        using var transformer = TrainingCheckpoint.TryOpen(TrainingCheckpoint.PathOf(Plan.Folder, TrainingStage.Transformer));
        transformer?.WriteModel(Path.Combine(folder, "transformer.safetensors"));
        using var clip = transformer is null ? null : TrainingCheckpoint.TryOpen(TrainingCheckpoint.PathOf(Plan.Folder, TrainingStage.Clip));
        clip?.WriteModel(Path.Combine(folder, "clip.safetensors"));
        _context.Text.Save(folder);
        var sizes = transformer?.Sizes<TransformerSizes>();
        new DalleConfig(
            Plan.Name, _context.Set.ImageSize, _context.Grid, discreteVae.Sizes.Codes,
            new(_context.Text.IsLowercase, sizes?.Vocab ?? _context.Text.VocabularySize, sizes?.TextLen ?? Plan.TextLength, _context.Text.HasLeadingSpace),
            sizes is null ? null : new("transformer.safetensors", sizes.Layers, sizes.Dim, sizes.Heads, sizes.Attention == "sparse"),
            new("dvae.safetensors", discreteVae.Sizes.Dim, discreteVae.Sizes.IsLogitLaplace),
            clip is null ? null : new("clip.safetensors", clip.Sizes<ClipSizes>().Dim)).Write(configuration);
        return folder;
    }

    /// <summary>Writes the checkpoint and exports it as a bundle.</summary>
    /// <returns>The bundle's folder.</returns>
    /// <exception cref="InvalidOperationException">The discrete VAE is not trained yet.</exception>
    public string ExportBundle(ExportOptions? options = null)
    {
        var bundle = Path.Combine(Plan.Folder, "model");
        _ = BundleExporter.Export("dalle", [WriteCheckpoint()], bundle, options);
        return bundle;
    }

    private TrainingPlan Plan => _context.Plan;

    private static string CheckpointFolder(TrainingPlan plan) => Path.Combine(plan.Folder, "checkpoint");

    private DiscreteVaeNetwork ReadDiscreteVae()
    {
        if (Plan.FreezesDiscreteVae)
            return Plan.StartFrom!.ReadDiscreteVae(_context.Device);
        using var checkpoint = TrainingCheckpoint.TryOpen(TrainingCheckpoint.PathOf(Plan.Folder, TrainingStage.DiscreteVae))
            ?? throw new InvalidOperationException($"The discrete VAE is not trained yet: '{Plan.Folder}' has no checkpoint of it. Run TrainDiscreteVae first.");
        return DiscreteVaeFiles.ReadTrained(checkpoint, _context.Device);
    }
}
