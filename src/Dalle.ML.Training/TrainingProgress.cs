namespace Dalle.ML.Training;

/// <summary>How far training has come. It is reported after every step.</summary>
/// <param name="Stage">The stage that runs.</param>
/// <param name="Epoch">Number of the epoch, from 1.</param>
/// <param name="Step">Steps of the stage that are done, those of earlier runs included.</param>
/// <param name="Steps">Steps that the stage has; fewer are done where its time ends before.</param>
/// <param name="Done">The part of the stage that is done, 0 to 1: of its steps or of its time, whichever is more.</param>
/// <param name="SamplesPerSecond">Images a second since this run of the stage began.</param>
/// <param name="Elapsed">Time that the stage has taken, that of earlier runs included.</param>
/// <param name="Remaining">An estimate of the time that the stage still takes; null until there is one.</param>
/// <param name="Losses">Losses and other figures of the last step, by name.</param>
/// <param name="Validation">Figures of the validation images after the last finished epoch, by name; empty before, or where there are no
/// such images.</param>
public sealed record TrainingProgress(
    TrainingStage Stage,
    int Epoch,
    long Step,
    long Steps,
    double Done,
    double SamplesPerSecond,
    TimeSpan Elapsed,
    TimeSpan? Remaining,
    IReadOnlyDictionary<string, double> Losses,
    IReadOnlyDictionary<string, double> Validation);
