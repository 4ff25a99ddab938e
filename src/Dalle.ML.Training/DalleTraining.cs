using Dalle.ML.Export;
using Dalle.ML.Export.Families;
using Dalle.ML.Training.Checkpoints;
using Dalle.ML.Training.Data;
using Dalle.ML.Training.Native;
using Dalle.ML.Training.Networks;
using Dalle.ML.Training.Stages;
using TorchSharp;

namespace Dalle.ML.Training;

/// <summary>Trains a DALL·E, a stage at a time. Each stage goes on from the checkpoint that an earlier run left in the folder of the plan.</summary>
/// <param name="set">Images and captions.</param>
/// <param name="text">The vocabulary of the captions.</param>
/// <param name="plan">Sizes and schedules.</param>
internal sealed class DalleTraining(TrainingSet set, TrainingText text, TrainingPlan plan)
{
    private readonly StageContext _context = new(Checked(set), text, plan, LibTorch.Device(plan.Device));

    /// <summary>Stage 1.</summary>
    /// <param name="progress">Is told after every step.</param>
    /// <param name="cancellationToken">Ends the stage after the step that runs.</param>
    /// <returns>Whether it is finished; if not, it was cancelled, and the model so far is in its checkpoint.</returns>
    public bool TrainDiscreteVae(IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (plan.FreezesDiscreteVae)
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

    /// <summary>Writes the trained networks as a checkpoint of the family <c>dalle</c>; without CLIP where that is not trained.</summary>
    /// <returns>Its folder.</returns>
    /// <exception cref="InvalidOperationException">The discrete VAE or the transformer is not trained yet.</exception>
    public string WriteCheckpoint()
    {
        var folder = Directory.CreateDirectory(Path.Combine(plan.Folder, "checkpoint")).FullName;
        // Last, as it makes the folder a checkpoint.
        var configuration = Path.Combine(folder, "config.json");
        File.Delete(configuration);
        using var discreteVae = ReadDiscreteVae();
        if (plan.FreezesDiscreteVae)
            StartingPoint.Open(plan.StartFrom!).CopyDiscreteVae(Path.Combine(folder, "dvae.safetensors"));
        else
            DiscreteVaeFiles.WriteExported(Path.Combine(folder, "dvae.safetensors"), discreteVae);
        using var transformer = TrainingCheckpoint.TryOpen(TrainingCheckpoint.PathOf(plan.Folder, TrainingStage.Transformer))
            ?? throw new InvalidOperationException($"The transformer is not trained yet: '{plan.Folder}' has no checkpoint of it. Run TrainTransformer first.");
        transformer.WriteModel(Path.Combine(folder, "transformer.safetensors"));
        using var clip = TrainingCheckpoint.TryOpen(TrainingCheckpoint.PathOf(plan.Folder, TrainingStage.Clip));
        clip?.WriteModel(Path.Combine(folder, "clip.safetensors"));
        text.Save(folder);
        var sizes = transformer.Sizes<TransformerSizes>();
        new DalleConfig(
            plan.Name, set.ImageSize, sizes.Grid, sizes.ImageVocab,
            new(text.IsLowercase, sizes.Vocab, sizes.TextLen),
            new("transformer.safetensors", sizes.Layers, sizes.Dim, sizes.Heads, sizes.Attention == "sparse"),
            new("dvae.safetensors", discreteVae.Sizes.Dim, discreteVae.Sizes.IsLogitLaplace),
            clip is null ? null : new("clip.safetensors", clip.Sizes<ClipSizes>().Dim)).Write(configuration);
        return folder;
    }

    /// <summary>Writes the checkpoint and exports it as a bundle.</summary>
    /// <returns>The bundle's folder.</returns>
    /// <exception cref="InvalidOperationException">The discrete VAE or the transformer is not trained yet.</exception>
    public string ExportBundle(ExportOptions? options = null)
    {
        var bundle = Path.Combine(plan.Folder, "model");
        _ = BundleExporter.Export("dalle", [WriteCheckpoint()], bundle, options);
        return bundle;
    }

    private static TrainingSet Checked(TrainingSet set) => set.ImageSize > 0 && set.ImageSize % DiscreteVaeNetwork.PixelsPerToken == 0
        ? set
        : throw new ArgumentException($"Images of {set.ImageSize} pixels cannot be trained on: their size must be a multiple of {DiscreteVaeNetwork.PixelsPerToken}.", nameof(set));

    private DiscreteVaeNetwork ReadDiscreteVae()
    {
        if (plan.FreezesDiscreteVae)
        {
            var start = StartingPoint.Open(plan.StartFrom ?? throw new ArgumentException("The discrete VAE can be frozen only where there is a checkpoint to start from."));
            return start.Config.ImageSize / start.Config.Grid == DiscreteVaeNetwork.PixelsPerToken
                ? start.ReadDiscreteVae(_context.Device)
                : throw new InvalidDataException($"The discrete VAE of '{plan.StartFrom}' has tokens of another size than {DiscreteVaeNetwork.PixelsPerToken} × {DiscreteVaeNetwork.PixelsPerToken} pixels.");
        }
        using var checkpoint = TrainingCheckpoint.TryOpen(TrainingCheckpoint.PathOf(plan.Folder, TrainingStage.DiscreteVae))
            ?? throw new InvalidOperationException($"The discrete VAE is not trained yet: '{plan.Folder}' has no checkpoint of it. Run TrainDiscreteVae first.");
        return DiscreteVaeFiles.ReadTrained(checkpoint, _context.Device);
    }
}
