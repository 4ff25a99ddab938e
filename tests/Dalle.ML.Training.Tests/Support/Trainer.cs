using Dalle.ML.Tests;
using Dalle.ML.Training.Data;

namespace Dalle.ML.Training.Tests;

/// <summary>Runs stages of a plan and notes their losses.</summary>
internal sealed class Trainer(TrainingSet set, TrainingPlan plan, string? vocabulary = null)
{
    public static string EmojiFolder { get; } = Path.Combine(Repository.Root, "onnx", "emoji-128");

    /// <summary>What was reported, step by step.</summary>
    public List<TrainingProgress> Reports { get; } = [];

    /// <summary>Is called after each report.</summary>
    public Action Reported { get; set; } = () => { };

    public DalleTraining Training { get; } = new(set, new TrainingText(vocabulary ?? EmojiFolder), plan);

    /// <summary>Runs a stage to its end, or until a step of it.</summary>
    public bool Run(TrainingStage stage, long? until = null)
    {
        using var source = new CancellationTokenSource();
        if (until == 0)
            source.Cancel();
        var progress = new Observer(report =>
        {
            Reports.Add(report);
            Reported();
            if (report.Step >= until)
                source.Cancel();
        });
        return stage switch
        {
            TrainingStage.DiscreteVae => Training.TrainDiscreteVae(progress, source.Token),
            TrainingStage.Transformer => Training.TrainTransformer(progress, source.Token),
            _ => Training.TrainClip(progress, source.Token),
        };
    }

    /// <summary>The figures of the steps, exactly.</summary>
    public IEnumerable<string> Losses => Reports.Select(report => $"{report.Stage} {report.Step}: {string.Join(' ', report.Losses.Select(loss => $"{loss.Key} {loss.Value:R}"))}");

    private sealed class Observer(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}
