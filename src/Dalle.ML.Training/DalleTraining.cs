using Dalle.ML.Export;
using Dalle.ML.Training.Data;

namespace Dalle.ML.Training;

/// <summary>Trains a DALL·E, a stage at a time. Each stage goes on from the checkpoint that an earlier run left in the folder of the plan.</summary>
/// <param name="set">Images and captions.</param>
/// <param name="text">The vocabulary of the captions.</param>
/// <param name="plan">Sizes and schedules.</param>
internal sealed class DalleTraining(TrainingSet set, TrainingText text, TrainingPlan plan)
{
    /// <summary>Stage 1.</summary>
    /// <returns>Whether it is finished; if not, it was cancelled, and the model so far is in its checkpoint.</returns>
    public bool TrainDiscreteVae(IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Stage 2.</summary>
    /// <returns>Whether it is finished; if not, it was cancelled, and the model so far is in its checkpoint.</returns>
    public bool TrainTransformer(IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Stage 3.</summary>
    /// <returns>Whether it is finished; if not, it was cancelled, and the model so far is in its checkpoint.</returns>
    public bool TrainClip(IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Writes the trained networks as a checkpoint of the family <c>dalle</c>; without CLIP where that is not trained.</summary>
    /// <returns>Its folder.</returns>
    public string WriteCheckpoint() => throw new NotImplementedException();

    /// <summary>Exports the checkpoint as a bundle.</summary>
    /// <returns>The bundle's folder.</returns>
    public string ExportBundle(ExportOptions? options = null) => throw new NotImplementedException();
}
