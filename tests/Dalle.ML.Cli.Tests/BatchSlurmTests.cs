using System.Runtime.Versioning;
using System.Text.Json.Nodes;

namespace Dalle.ML.Cli.Tests;

[SupportedOSPlatform("linux")]
public sealed class BatchSlurmTests : IDisposable
{
    private const int Tasks = 4;
    private const int Prompts = 200;

    private static readonly TimeSpan ArrayPatience = TimeSpan.FromMinutes(5);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task An_array_with_tasks_killed_and_requeued_gives_what_one_process_gives()
    {
        if (SlurmCluster.Obstacle is { } obstacle)
            Assert.Skip(obstacle);
        File.WriteAllLines(Path.Combine(_folder.Path, "prompts.txt"), Enumerable.Range(0, Prompts).Select(i => $"a red apple number {i}"));
        string[] common = ["prompts.txt", "--seed", "7", "--candidates", "1", "--quiet"];
        await using var cluster = await SlurmCluster.StartAsync(Path.Combine(_folder.Path, "slurm"));

        var submit = await Batch([.. common[..^1], "-o", "array", "--submit", "slurm", "--array", "4", "--partition", "main", "--time", "10", "--sbatch=--no-kill", "--batch-size", "2"]);
        Assert.Equal((0, ""), (submit.ExitCode, submit.Errors));
        var job = submit.Output.Single();

        // One task is killed without a word, and has failed when it is requeued; the other is requeued while it runs.
        await UntilMidway(1);
        await cluster.RunAsync("scancel", "--batch", "--signal=KILL", $"{job}_1");
        await cluster.Until("the killed task has ended", async () => !(await cluster.RunAsync("squeue", "--noheader", "--jobs", $"{job}_1")).Contains(" R ", StringComparison.Ordinal));
        Assert.Equal("", await cluster.RunAsync("scontrol", "requeue", $"{job}_1"));
        await UntilMidway(2);
        Assert.Equal("", await cluster.RunAsync("scontrol", "requeue", $"{job}_2"));

        var status = JsonNode.Parse((await Batch("--status", "array", "--json")).Output.Single())!;
        Assert.Equal((Prompts, Tasks), ((int)status["prompts"]!, status["shards"]!.AsArray().Count));
        Assert.Equal(job, (string?)status["slurm"]!["job"]);
        Assert.InRange(status["slurm"]!["states"]!.AsObject().Sum(state => (int)state.Value!), 1, Tasks);

        await cluster.Until("the array has ended", async () => (await cluster.RunAsync("squeue", "--noheader", "--jobs", job)).Trim() is "" or "slurm_load_jobs error: Invalid job id specified", ArrayPatience);
        var merge = await Batch("--merge", "array");
        Assert.True(merge.ExitCode == 0, merge.Errors + string.Concat(Directory.GetFiles(In("array"), "*.log").Select(File.ReadAllText)));
        Assert.Contains("no longer in the queue", (await Batch("--status", "array")).Output[^1], StringComparison.Ordinal);

        Assert.Equal(0, (await Batch([.. common, "-o", "single"])).ExitCode);
        Assert.Equal(BatchFolderState.ImagesOf(In("single")), BatchFolderState.ImagesOf(In("array")));
        Assert.Equal(BatchFolderState.ManifestOf(In("single/manifest.jsonl")), BatchFolderState.ManifestOf(In("array/manifest.jsonl")));
        Assert.DoesNotContain(BatchFolderState.Of(In("array")).Keys, name => name[0] == '.');

        Task UntilMidway(int task) => cluster.Until(
            $"task {task} is midway",
            () => Task.FromResult(BatchFolderState.ManifestOrEmpty(In($"array/manifest-{task}-of-{Tasks}.jsonl")).Length >= 3), ArrayPatience);
        Task<Tool> Batch(params string[] arguments) => ToolProcess.RunAsync(_folder.Path, ["batch", .. arguments], environment: cluster.Variables);
        string In(string name) => Path.Combine(_folder.Path, name);
    }
}
