using System.Text.Json.Nodes;

namespace Dalle.ML.Cli.Tests;

/// <summary>Parts of a batch.</summary>
public sealed class BatchShardTests : IDisposable
{
    private readonly BatchSandbox _batch = new();

    public void Dispose() => _batch.Dispose();

    [Fact]
    public async Task Shards_and_batch_sizes_give_the_same_images_and_merge_to_the_same_manifest()
    {
        await _batch.RunUndisturbedAsync("whole");
        Assert.Equal(0, (await _batch.RunAsync(["prompts.txt", "-o", "shards", "--shard", "2/3", "--batch-size", "1", .. BatchSandbox.Common])).ExitCode);

        var early = await _batch.RunAsync("--merge", _batch.In("shards"));
        Assert.Equal((1, 0), (early.ExitCode, early.Output.Length));
        Assert.Contains("missing: 00\n", early.Errors, StringComparison.Ordinal);
        Assert.Contains("40 of 60 prompts are missing", early.Errors, StringComparison.Ordinal);

        // The others at once, the last as Slurm tells it.
        var task = new Dictionary<string, string> { ["SLURM_ARRAY_TASK_ID"] = "12", ["SLURM_ARRAY_TASK_COUNT"] = "3", ["SLURM_ARRAY_TASK_MIN"] = "10" };
        var others = await Task.WhenAll(
            _batch.RunAsync(["prompts.txt", "-o", "shards", "--shard", "1/3", .. BatchSandbox.Common]),
            Tool.RunAsync(_batch.Folder, ["batch", "prompts.txt", "-o", "shards", .. BatchSandbox.Common], environment: task));
        Assert.Equal([_batch.In("shards/manifest-1-of-3.jsonl"), _batch.In("shards/manifest-3-of-3.jsonl")], others.SelectMany(run => run.Output));
        Assert.Equal(Enumerable.Range(0, 20).Select(i => 3 * i + 2), _batch.Manifest("shards/manifest-3-of-3.jsonl").Select(entry => (int)entry["index"]!));

        var merge = await _batch.RunAsync("--merge", "shards");
        Assert.Equal((0, _batch.In("shards/manifest.jsonl")), (merge.ExitCode, merge.Output.Single()));
        var merged = BatchFolderState.Of(_batch.In("shards"));
        for (var shard = 1; shard <= 3; shard++)
            Assert.True(merged.Remove($"manifest-{shard}-of-3.jsonl"));
        Assert.Equal(BatchFolderState.Of(_batch.In("whole")), merged);
    }

    [Fact]
    public async Task A_task_of_an_uneven_slurm_array_must_be_told_its_shard()
    {
        _batch.Write("prompts.txt", "a cat");
        var task = new Dictionary<string, string> { ["SLURM_ARRAY_TASK_ID"] = "9", ["SLURM_ARRAY_TASK_COUNT"] = "3", ["SLURM_ARRAY_TASK_MIN"] = "1" };
        var run = await Tool.RunAsync(_batch.Folder, ["batch", "prompts.txt", "-o", "out", .. BatchSandbox.Common], environment: task);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("--shard", run.Errors, StringComparison.Ordinal);
        Assert.Equal(0, (await Tool.RunAsync(_batch.Folder, ["batch", "prompts.txt", "-o", "out", "--shard", "1/1", .. BatchSandbox.Common], environment: task)).ExitCode);
    }

    [Fact]
    public async Task A_batch_continues_with_other_shards_than_it_started_with()
    {
        await _batch.RunUndisturbedAsync("whole");
        await _batch.RunAsync(["prompts.txt", "-o", "out", "--shard", "1/4", .. BatchSandbox.Common]);
        var rest = JsonNode.Parse((await _batch.RunAsync(["prompts.txt", "-o", "out", "--json", .. BatchSandbox.Common])).Output.Single())!;
        Assert.Equal((60, 45), ((int)rest["done"]!, (int)rest["drawn"]!));
        Assert.Equal(BatchFolderState.ManifestOf(_batch.In("whole/manifest.jsonl")), BatchFolderState.ManifestOf(_batch.In("out/manifest.jsonl")));
    }
}
