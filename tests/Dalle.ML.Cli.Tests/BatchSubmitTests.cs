using System.Diagnostics;

namespace Dalle.ML.Cli.Tests;

/// <summary><c>batch --submit slurm</c> where there is no Slurm.</summary>
public sealed class BatchSubmitTests : IDisposable
{
    private readonly BatchSandbox _batch = new();

    public void Dispose() => _batch.Dispose();

    [Fact]
    public async Task Without_slurm_the_script_is_written_and_the_next_step_is_named()
    {
        _batch.Write("prompts.txt", "a cat\na dog");
        var run = await ToolProcess.RunAsync(
            _batch.Folder,
            ["batch", "prompts.txt", "-o", "it's out", "--submit", "slurm", "--array", "3", "--partition", "gpu", "--gpus-per-task", "1", "--time", "1:00:00", "--sbatch=--account=lab", "--batch-size", "2", .. BatchSandbox.Common],
            environment: new Dictionary<string, string> { ["PATH"] = _batch.Folder });
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("sbatch is not installed on this machine", run.Errors, StringComparison.Ordinal);
        Assert.Contains(_batch.In("it's out/slurm.sh"), run.Errors, StringComparison.Ordinal);

        var script = File.ReadAllLines(_batch.In("it's out/slurm.sh"));
        foreach (var directive in new[] { "--array=1-3", "--partition=gpu", "--gpus-per-task=1", "--time=1:00:00", "--account=lab" })
            Assert.Contains($"#SBATCH {directive}", script);

        // Any shell runs a task of it.
        var task = new ProcessStartInfo("sh", ["slurm.sh"]) { WorkingDirectory = _batch.In("it's out"), RedirectStandardOutput = true, RedirectStandardError = true };
        task.Environment["SLURM_ARRAY_TASK_ID"] = "2";
        using var process = Process.Start(task)!;
        var generated = await ToolProcess.FinishAsync(process);
        Assert.Equal((0, _batch.In("it's out/manifest-2-of-3.jsonl")), (generated.ExitCode, generated.Output.Single()));
        Assert.Equal(["1.png"], BatchFolderState.ImagesOf(_batch.In("it's out")).Keys);
    }
}
