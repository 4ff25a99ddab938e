using Dalle.ML.Tests;

namespace Dalle.ML.Training.Tests;

/// <summary>A run that goes on is the run that was never interrupted.</summary>
public sealed class ResumeTests
{
    private static readonly Lazy<(string[] Lines, Dictionary<string, byte[]> Files)> Uninterrupted = new(() =>
    {
        using var folder = new TemporaryFolder();
        List<string> lines = [];
        KilledChild.Train(folder.Path, lines.Add);
        return ([.. lines], ReadFiles(folder.Path));
    });

    public static IEnumerable<TheoryDataRow<int>> Kills => [new(3), new TheoryDataRow<int>(30).WithTrait("Category", "Slow")];

    [Theory]
    [InlineData(TrainingStage.DiscreteVae)]
    [InlineData(TrainingStage.Transformer)]
    [InlineData(TrainingStage.Clip)]
    public void Cancelled_after_any_step_it_goes_on_with_the_next(TrainingStage stage)
    {
        TorchSupport.Require();
        using var folder = new TemporaryFolder();
        using var set = Shapes.Set(size: 32, count: 80, validation: 8);
        foreach (var before in Enum.GetValues<TrainingStage>().Where(before => before < stage))
            Assert.True(new Trainer(set, KilledChild.Plan(folder.Path)).Run(before));
        List<string> lines = [];
        for (var until = 3; ; until += 4)
        {
            var trainer = new Trainer(set, KilledChild.Plan(folder.Path));
            var isOver = trainer.Run(stage, until);
            lines.AddRange(trainer.Losses);
            if (isOver)
                break;
            Assert.Equal(until, trainer.Reports[^1].Step);
        }

        Assert.Equal(Uninterrupted.Value.Lines.Where(line => line.StartsWith($"{stage} ", StringComparison.Ordinal)), lines);
        var again = new Trainer(set, KilledChild.Plan(folder.Path));
        Assert.True(again.Run(stage));
        Assert.Empty(again.Reports);
    }

    [Theory]
    [MemberData(nameof(Kills))]
    public void Killed_at_any_moment_it_goes_on_as_if_nothing_had_been(int kills)
    {
        TorchSupport.Require();
        var (lines, files) = Uninterrupted.Value;
        using var folder = new TemporaryFolder();
        var random = new Random(kills);
        var noted = KilledChild.Lines(folder.Path);
        for (var kill = 0; kill < kills; kill++)
        {
            // Some steps after those that are there, and a part of one.
            using var child = KilledChild.Start(folder.Path);
            var due = Math.Min(lines.Length - 1, CountLines(noted) + 1 + random.Next(2 * lines.Length / (kills + 1)));
            while (CountLines(noted) < due && !child.HasExited)
                Thread.Sleep(1);
            Thread.Sleep(random.Next(5));
            child.Kill();
            child.WaitForExit();
        }
        using (var child = KilledChild.Start(folder.Path))
        {
            var text = child.StandardOutput.ReadToEnd();
            child.WaitForExit();
            Assert.True(child.ExitCode == 0, text);
        }

        // A kill may cut the last line short; and a step may have been done twice, with the same losses.
        var all = File.ReadAllLines(noted).Where(lines.Contains).ToArray();
        Assert.Equal(lines, all.Distinct());
        Assert.InRange(File.ReadAllLines(noted).Length - all.Length, 0, kills);
        Assert.Equal(files, ReadFiles(folder.Path));
    }

    private static Dictionary<string, byte[]> ReadFiles(string folder) =>
        Directory.GetFiles(Path.Combine(folder, "checkpoint")).ToDictionary(file => Path.GetFileName(file), File.ReadAllBytes);

    private static int CountLines(string file)
    {
        if (!File.Exists(file))
            return 0;
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().Count(c => c == '\n');
    }
}
