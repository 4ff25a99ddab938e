using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli.Tests;

/// <summary><c>batch</c>: its images, reports and arguments.</summary>
public sealed class BatchTests : IDisposable
{
    private readonly BatchSandbox _batch = new();

    public void Dispose() => _batch.Dispose();

    [Fact]
    public async Task Generates_a_file_of_prompts_and_reports_each()
    {
        _batch.Write("prompts.txt", "a red apple\n\n  a \"blue\" cat \r\nкошка 🐈");
        var run = await _batch.RunAsync("prompts.txt", "-o", "out", "--seed", "7");
        Assert.Equal((0, _batch.In("out/manifest.jsonl")), (run.ExitCode, run.Output.Single()));
        Assert.Contains("3 of 3 prompts are done", run.Errors, StringComparison.Ordinal);
        Assert.Equal(["0.png", "1.png", "2.png", "batch.json", "manifest.jsonl", "prompts.jsonl"], BatchFolderState.Of(_batch.In("out")).Keys);

        var entries = _batch.Manifest("out/manifest.jsonl");
        Assert.Equal(["a red apple", "a \"blue\" cat", "кошка 🐈"], entries.Select(entry => (string?)entry["prompt"]));
        Assert.Equal([0, 1, 2], entries.Select(entry => (int)entry["index"]!));
        Assert.Equal(3, entries.Select(entry => (ulong)entry["seed"]!).Distinct().Count());
        foreach (var entry in entries)
        {
            var bytes = File.ReadAllBytes(_batch.In("out/" + entry["file"]));
            Assert.Equal((string?)entry["sha256"], Convert.ToHexStringLower(SHA256.HashData(bytes)));
            Assert.InRange((float)entry["score"]!, -100, 100);
            var alone = await Tool.RunAsync(_batch.Folder, ["generate", (string)entry["prompt"]!, "--seed", entry["seed"]!.ToString(), "-o", "alone", "--quiet"]);
            Assert.Equal(bytes, File.ReadAllBytes(alone.Output.Single()));
        }

        var again = JsonNode.Parse((await _batch.RunAsync("prompts.txt", "-o", "out", "--json", "--quiet")).Output.Single())!;
        Assert.Equal((3, 3, 0, 0), ((int)again["prompts"]!, (int)again["done"]!, (int)again["failed"]!, (int)again["drawn"]!));
    }

    [Fact]
    public async Task A_pipeline_generates_the_same_from_the_same_file()
    {
        _batch.Write("prompts.csv", "id,prompt,seed\ncat,a cat,5\n,a dog,\n");
        Assert.Equal(0, (await _batch.RunAsync(["prompts.csv", "-o", "out", .. BatchSandbox.Common])).ExitCode);
        var ml = new MLContext();
        var prompts = ml.Data.LoadPrompts(_batch.In("prompts.csv"), seed: 7);
        var options = new DalleGenerateEstimator.Options { InputColumnName = "Prompt", InputSeedColumnName = "Seed", Generation = new GenerationOptions { Candidates = 1 } };
        using var transformer = ml.Transforms.DalleGenerate(options).Fit(prompts);
        var generated = transformer.Transform(prompts);
        foreach (var (id, image) in generated.GetColumn<string>("Id").Zip(generated.GetColumn<MLImage>("Image")))
        {
            image.Save(_batch.In("pipeline.png"));
            Assert.Equal(File.ReadAllBytes(_batch.In($"out/{id}.png")), File.ReadAllBytes(_batch.In("pipeline.png")));
        }
    }

    [Theory]
    [InlineData(1, 32)]
    [InlineData(3, 10)]
    [InlineData(8, 8)]
    [InlineData(512, 8)]
    public void Prompts_with_few_candidates_are_generated_in_larger_batches(int candidates, int expected) =>
        Assert.Equal(expected, BatchCommand.DefaultBatchSize(candidates));

    [Theory]
    [InlineData("prompts.txt")]
    [InlineData("-o", "out")]
    [InlineData("prompts.doc", "-o", "out")]
    [InlineData("prompts.txt", "--merge", "out")]
    [InlineData("--merge", "out", "--status", "out")]
    [InlineData("prompts.txt", "-o", "out", "--shard", "0/4")]
    [InlineData("prompts.txt", "-o", "out", "--shard", "5/4")]
    [InlineData("prompts.txt", "-o", "out", "--batch-size", "0")]
    [InlineData("prompts.txt", "-o", "out", "--top-p", "2")]
    [InlineData("prompts.txt", "-o", "out", "--submit", "pbs")]
    [InlineData("prompts.txt", "-o", "out", "--submit", "slurm", "--array", "0")]
    [InlineData("prompts.txt", "-o", "out", "--submit", "slurm", "--shard", "1/2")]
    public async Task Invalid_combinations_of_arguments_are_usage_errors(params string[] arguments)
    {
        _batch.Write("prompts.txt", "a cat");
        var run = await _batch.RunAsync(arguments);
        Assert.Equal((2, 0), (run.ExitCode, run.Output.Length));
        Assert.Contains("--help", run.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_batch.In("out")));
    }

    [Fact]
    public async Task Without_a_seed_a_random_one_is_kept()
    {
        _batch.Write("prompts.txt", "a cat\na dog\n");
        Assert.Equal(0, (await _batch.RunAsync("prompts.txt", "-o", "out", "--candidates", "1")).ExitCode);
        var first = BatchFolderState.Of(_batch.In("out"));
        File.Delete(_batch.In("out/1.png"));
        var again = await _batch.RunAsync("prompts.txt", "-o", "out", "--candidates", "1", "--json");
        Assert.Equal(0, again.ExitCode);
        Assert.Equal(first, BatchFolderState.Of(_batch.In("out")));

        // It is reported, and what it gives is what any seed gives.
        var seed = again.Json.Single().GetProperty("seed").GetUInt64();
        Assert.Contains($"with seed {seed}", again.Errors, StringComparison.Ordinal);
        Assert.Equal(0, (await _batch.RunAsync("prompts.txt", "-o", "given", "--candidates", "1", "--seed", $"{seed}")).ExitCode);
        Assert.Equal(first, BatchFolderState.Of(_batch.In("given")));
    }

    [Fact]
    public async Task A_prompt_that_fails_is_noted_and_generated_again_on_retry()
    {
        _batch.Write("prompts.csv", "id,prompt\na,a cat\nb,a dog\nc,a fox\n");
        Directory.CreateDirectory(_batch.In("out/b.png"));
        var run = await _batch.RunAsync(["prompts.csv", "-o", "out", .. BatchSandbox.Common]);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("1 of 3 prompts failed", run.Errors, StringComparison.Ordinal);
        var entries = _batch.Manifest("out/manifest.jsonl");
        Assert.Equal([false, true, false], entries.Select(entry => entry.ContainsKey("error")));
        Assert.Equal(("b", 1, "a dog", false), ((string?)entries[1]["id"], (int)entries[1]["index"]!, (string?)entries[1]["prompt"], entries[1].ContainsKey("sha256")));
        var merge = await _batch.RunAsync("--merge", "out");
        Assert.Equal(1, merge.ExitCode);
        Assert.Contains("failed: b", merge.Errors, StringComparison.Ordinal);

        Directory.Delete(_batch.In("out/b.png"));
        Assert.Equal(1, (await _batch.RunAsync(["prompts.csv", "-o", "out", .. BatchSandbox.Common])).ExitCode);
        Assert.False(File.Exists(_batch.In("out/b.png")));
        Assert.Equal(0, (await _batch.RunAsync(["prompts.csv", "-o", "out", "--retry", .. BatchSandbox.Common])).ExitCode);
        Assert.Equal(0, (await _batch.RunAsync(["prompts.csv", "-o", "fresh", .. BatchSandbox.Common])).ExitCode);
        Assert.Equal(BatchFolderState.Of(_batch.In("fresh")), BatchFolderState.Of(_batch.In("out")));
    }

    [Fact]
    public async Task Progress_is_a_line_now_and_then_where_there_is_no_terminal()
    {
        _batch.Write("prompts.txt", "a cat\na dog\n");
        string[] arguments = ["batch", "prompts.txt", .. BatchSandbox.Common, "-o"];
        var run = await Tool.RunAsync(_batch.Folder, [.. arguments, "out"], clock: new SteppingClock(TimeSpan.FromSeconds(11)));
        Assert.Matches("dalle: 1 of 2 prompts, [0-9.]+ a second, [0-9:]+ left\n", run.Errors);

        var quick = await Tool.RunAsync(_batch.Folder, [.. arguments, "quick"], clock: new SteppingClock(TimeSpan.Zero));
        Assert.DoesNotContain("1 of 2", quick.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Each_image_is_noted_when_it_is_finished()
    {
        _batch.Write("prompts.txt", "a cat\na dog\na fox\na cow\n");
        var clock = new WatchingClock(() => BatchFolderState.ManifestOrEmpty(_batch.In("out/manifest.jsonl")).Length);
        Assert.Equal(0, (await Tool.RunAsync(_batch.Folder, ["batch", "prompts.txt", "-o", "out", .. BatchSandbox.Common], clock: clock)).ExitCode);
        Assert.Equal([0, 1, 2, 3, 4], clock.Seen.Distinct());
    }

    /// <summary>A clock that looks at something whenever it is read, as it is with each image.</summary>
    private sealed class WatchingClock(Func<int> look) : TimeProvider
    {
        public List<int> Seen { get; } = [];

        public override long GetTimestamp()
        {
            Seen.Add(look());
            return base.GetTimestamp();
        }
    }

    /// <summary>A clock that goes on by the same time whenever it is read.</summary>
    private sealed class SteppingClock(TimeSpan step) : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Interlocked.Add(ref _ticks, step.Ticks);
    }
}
