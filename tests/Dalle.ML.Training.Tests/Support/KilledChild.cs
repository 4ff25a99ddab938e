using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Dalle.ML.Training.Tests;

/// <summary>A process that trains all stages, saving after every step, until it ends or is killed.</summary>
internal static class KilledChild
{
    private const string Variable = "DALLE_TRAINING_CHILD";

    public static string Lines(string folder) => Path.Combine(folder, "lines.txt");

    public static TrainingPlan Plan(string folder)
    {
        var plan = TrainingPlan.Smallest(folder);
        return plan with
        {
            Replicas = 2,
            CheckpointEvery = TimeSpan.Zero,
            DiscreteVae = plan.DiscreteVae with { Schedule = plan.DiscreteVae.Schedule with { Epochs = 4 } },
            Transformer = plan.Transformer with { Schedule = plan.Transformer.Schedule with { Epochs = 4, AverageDecay = 0.9 } },
            Clip = plan.Clip with { Schedule = plan.Clip.Schedule with { Epochs = 4 } },
        };
    }

    /// <summary>Trains all stages in this process.</summary>
    /// <param name="folder">The run.</param>
    /// <param name="note">Is told the losses of each step.</param>
    public static void Train(string folder, Action<string> note)
    {
        using var set = Shapes.Set(size: 32, count: 80, validation: 8);
        foreach (var stage in Enum.GetValues<TrainingStage>())
        {
            var trainer = new Trainer(set, Plan(folder));
            trainer.Reported = () => note(trainer.Losses.Last());
            Assert.True(trainer.Run(stage));
        }
        _ = new Trainer(set, Plan(folder)).Training.WriteCheckpoint();
    }

    public static Process Start(string folder)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "Dalle.ML.Training.Tests" + (OperatingSystem.IsWindows() ? ".exe" : ""));
        return Process.Start(new ProcessStartInfo(program) { Environment = { [Variable] = folder }, RedirectStandardOutput = true })!;
    }

    [ModuleInitializer]
    internal static void RunIfChild()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } folder)
            return;
        TorchSupport.Require();
        using (var lines = new StreamWriter(Lines(folder), append: true) { AutoFlush = true })
            Train(folder, lines.WriteLine);
        Environment.Exit(0);
    }
}
