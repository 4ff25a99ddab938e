using System.Text.Json.Nodes;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli.Tests;

/// <summary>Batches whose process is interrupted or killed.</summary>
public sealed class BatchInterruptTests : IDisposable
{
    private readonly BatchSandbox _batch = new();

    public void Dispose() => _batch.Dispose();

    [Fact]
    public Task Three_kills_leave_no_trace() => KillAsync(times: 3, prompts: 60);

    [Fact]
    [Trait("Category", "Slow")]
    public Task Thirty_kills_in_a_row_leave_no_trace() => KillAsync(times: 30, prompts: 200);

    [Fact]
    public async Task An_interrupt_ends_cleanly_and_the_same_command_resumes()
    {
        ToolProcess.SkipUnlessInterruptible();
        _batch.Write("many.txt", string.Join('\n', Enumerable.Repeat("a cat", 2000)));
        using var process = ToolProcess.Start(_batch.Folder, ["batch", "many.txt", "-o", "out", .. BatchSandbox.Common]);
        await _batch.UntilNotedAsync("out/manifest.jsonl", 5, process);

        // Meanwhile the shard is taken, however often others try; another shard is not.
        for (var attempt = 0; attempt < 2; attempt++)
        {
            var second = await _batch.RunAsync(["many.txt", "-o", "out", .. BatchSandbox.Common]);
            Assert.Equal(1, second.ExitCode);
            Assert.Contains("Another process works on shard 1/1", second.Errors, StringComparison.Ordinal);
        }
        var other = await _batch.RunAsync(["many.txt", "-o", "out", "--shard", "2/1000", .. BatchSandbox.Common]);
        Assert.Equal(0, other.ExitCode);
        var run = await ToolProcess.InterruptAsync(process);
        Assert.Equal(130, run.ExitCode);
        Assert.Contains("interrupted", run.Errors, StringComparison.Ordinal);
        var state = BatchFolderState.Of(_batch.In("out"));
        Assert.DoesNotContain(state.Keys, name => name[0] == '.');
        Assert.All(Directory.GetFiles(_batch.In("out"), "*.png"), path => MLImage.CreateFromFile(path).Dispose());

        var status = JsonNode.Parse((await _batch.RunAsync("--status", "out", "--json")).Output.Single())!;
        var done = Directory.GetFiles(_batch.In("out"), "*.png").Length;
        Assert.Equal((2000, done, 0, 2000 - done), ((int)status["prompts"]!, (int)status["done"]!, (int)status["failed"]!, (int)status["left"]!));
        Assert.Equal(["1/1", "2/1000"], status["shards"]!.AsArray().Select(shard => (string?)shard!["shard"]));
        Assert.Contains(" left", (await _batch.RunAsync("--status", "out")).Output[0], StringComparison.Ordinal);
    }

    /// <param name="times">How many runs are killed.</param>
    /// <param name="prompts">Number of prompts, more than the killed runs can generate.</param>
    private async Task KillAsync(int times, int prompts)
    {
        await _batch.RunUndisturbedAsync("whole", prompts);
        var random = new Random(7);
        var midway = 0;
        for (var kill = 0; kill < times; kill++)
        {
            var before = BatchFolderState.ManifestOrEmpty(_batch.In("out/manifest.jsonl"));
            using var process = ToolProcess.Start(_batch.Folder, ["batch", "prompts.txt", "-o", "out", "--batch-size", "4", "--quiet", .. BatchSandbox.Common]);
            // Every other run has generated some by then, however long it took to start; the others are killed at any time.
            if (kill % 2 == 0)
                await _batch.UntilNotedAsync("out/manifest.jsonl", before.Length + random.Next(1, 4), process);
            await Task.Delay(random.Next(kill % 2 == 0 ? 100 : 1200));
            process.Kill();
            await process.WaitForExitAsync();

            // No line is lost, and none is there twice.
            var after = BatchFolderState.ManifestOrEmpty(_batch.In("out/manifest.jsonl"));
            Assert.Superset(before.ToHashSet(), after.ToHashSet());
            Assert.Equal(after.Length, after.Distinct().Count());
            midway += after.Length > before.Length ? 1 : 0;
        }
        Assert.NotEqual(0, midway);
        var run = await _batch.RunAsync(["prompts.txt", "-o", "out", .. BatchSandbox.Common]);
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(BatchFolderState.Of(_batch.In("whole")), BatchFolderState.Of(_batch.In("out")));
    }
}
