using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Dalle.ML.Generation;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli.Tests;

public sealed class BatchTests : IDisposable
{
    private const int Prompts = 60;

    // Of who waits for a run, on a machine that may be busy with others.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private static readonly string[] Common = ["--seed", "7", "--candidates", "1"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Draws_a_file_of_prompts_and_tells_of_each()
    {
        Write("prompts.txt", "a red apple\n\n  a \"blue\" cat \r\nкошка 🐈");
        var run = await Batch("prompts.txt", "-o", "out", "--seed", "7");
        Assert.Equal((0, In("out/manifest.jsonl")), (run.ExitCode, run.Output.Single()));
        Assert.Contains("3 of 3 prompts are done", run.Errors, StringComparison.Ordinal);
        Assert.Equal(["0.png", "1.png", "2.png", "batch.json", "manifest.jsonl", "prompts.jsonl"], BatchFolderState.Of(In("out")).Keys);

        var entries = Manifest("out/manifest.jsonl");
        Assert.Equal(["a red apple", "a \"blue\" cat", "кошка 🐈"], entries.Select(entry => (string?)entry["prompt"]));
        Assert.Equal([0, 1, 2], entries.Select(entry => (int)entry["index"]!));
        Assert.Equal(3, entries.Select(entry => (ulong)entry["seed"]!).Distinct().Count());
        foreach (var entry in entries)
        {
            var bytes = File.ReadAllBytes(In("out/" + entry["file"]));
            Assert.Equal((string?)entry["sha256"], Convert.ToHexStringLower(SHA256.HashData(bytes)));
            Assert.InRange((float)entry["score"]!, -100, 100);
            var alone = await Tool.RunAsync(_folder.Path, ["generate", (string)entry["prompt"]!, "--seed", entry["seed"]!.ToString(), "-o", "alone", "--quiet"]);
            Assert.Equal(bytes, File.ReadAllBytes(alone.Output.Single()));
        }

        var again = JsonNode.Parse((await Batch("prompts.txt", "-o", "out", "--json", "--quiet")).Output.Single())!;
        Assert.Equal((3, 3, 0, 0), ((int)again["prompts"]!, (int)again["done"]!, (int)again["failed"]!, (int)again["drawn"]!));
    }

    [Fact]
    public async Task Formats_say_the_same()
    {
        Write("p.csv", "seed,ID,Prompt,note\n5,cat,\"a \"\"big\"\", red cat\",x\n,dog,\"a dog\n\non two lines\",\r\n\r\n18446744073709551615,,\"\"\"fox\"\"\",\"\"\n");
        Write("p.tsv", "prompt\tid\tseed\n\"a \"\"big\"\", red cat\"\tcat\t5\n\"a dog\n\non two lines\"\tdog\t\n\"\"\"fox\"\"\"\t\t18446744073709551615\n");
        Write("p.jsonl", "\uFEFF{\"prompt\":\"a \\\"big\\\", red cat\",\"id\":\"cat\",\"seed\":5}\n\n{\"id\":\"dog\",\"prompt\":\"a dog\\n\\non two lines\",\"seed\":null}\r\n{\"prompt\":\"\\\"fox\\\"\",\"seed\":18446744073709551615}");
        foreach (var format in new[] { "csv", "tsv", "jsonl" })
            Assert.Equal(0, (await Batch([$"p.{format}", "-o", format, .. Common])).ExitCode);
        Assert.Equal(0, (await Tool.RunAsync(_folder.Path, ["batch", "-", "--format", "csv", "-o", "stdin", .. Common], File.ReadAllText(In("p.csv")))).ExitCode);
        var expected = BatchFolderState.Of(In("csv"));
        Assert.Equal(["2.png", "batch.json", "cat.png", "dog.png", "manifest.jsonl", "prompts.jsonl"], expected.Keys);
        Assert.Equal(["5", "18446744073709551615"], new[] { 0, 2 }.Select(i => Manifest("csv/manifest.jsonl")[i]["seed"]!.ToString()));
        foreach (var other in new[] { "tsv", "jsonl", "stdin" })
            Assert.Equal(expected, BatchFolderState.Of(In(other)));
    }

    [Fact]
    public async Task A_pipeline_draws_the_same_from_the_same_file()
    {
        Write("prompts.csv", "id,prompt,seed\ncat,a cat,5\n,a dog,\n");
        Assert.Equal(0, (await Batch(["prompts.csv", "-o", "out", .. Common])).ExitCode);
        var ml = new MLContext();
        var prompts = ml.Data.LoadPrompts(In("prompts.csv"), seed: 7);
        var options = new DalleGenerateEstimator.Options { InputColumnName = "Prompt", InputSeedColumnName = "Seed", Generation = new GenerationOptions { Candidates = 1 } };
        using var transformer = ml.Transforms.DalleGenerate(options).Fit(prompts);
        var drawn = transformer.Transform(prompts);
        foreach (var (id, image) in drawn.GetColumn<string>("Id").Zip(drawn.GetColumn<MLImage>("Image")))
        {
            image.Save(In("pipeline.png"));
            Assert.Equal(File.ReadAllBytes(In($"out/{id}.png")), File.ReadAllBytes(In("pipeline.png")));
        }
    }

    [Theory]
    [InlineData("txt", "", "line 1", "no prompt")]
    [InlineData("csv", "id,text\n1,a cat\n", "line 1", "no column 'prompt'")]
    [InlineData("csv", "id,prompt\n1,a cat, a dog\n", "line 2", "3 values for 2 columns")]
    [InlineData("csv", "id,prompt\n1,\"a\ncat\"\n2,\"a dog\n", "line 4", "never closed")]
    [InlineData("csv", "id,prompt\n1,\"a\" cat\n", "line 2", "closing quote")]
    [InlineData("csv", "id,prompt\nA,a cat\n\"\na\",a dog\n", "line 3", "control character")]
    [InlineData("csv", "id,prompt\nA,a cat\na,a dog\n", "line 3", "line 2")]
    [InlineData("csv", "id,prompt\n1,a cat\n,a dog\n", "line 3", "that of line 2")]
    [InlineData("csv", "id,prompt\n../1,a cat\n", "line 2", "file names")]
    [InlineData("csv", "id,prompt\nnul.x,a cat\n", "line 2", "Windows")]
    [InlineData("csv", "seed,prompt\n-1,a cat\n", "line 2", "'-1' is not a seed")]
    [InlineData("csv", "seed,prompt\n1,  \n", "line 2", "prompt is empty")]
    [InlineData("tsv", "seed\tprompt\n18446744073709551616\ta cat\n", "line 2", "is not a seed")]
    [InlineData("jsonl", "{\"prompt\":\"a cat\"}\n{\"prompt\":}\n", "line 2", "not JSON")]
    [InlineData("jsonl", "[\"a cat\"]\n", "line 1", "not a JSON object")]
    [InlineData("jsonl", "{\"text\":\"a cat\"}\n", "line 1", "no \"prompt\"")]
    [InlineData("jsonl", "{\"prompt\":7}\n", "line 1", "\"prompt\" is not a string")]
    [InlineData("jsonl", "{\"prompt\":\"a cat\",\"seed\":1.5}\n", "line 1", "'1.5' is not a seed")]
    [InlineData("jsonl", "{\"prompt\":\"\\ud800\"}\n", "line 1", "surrogate")]
    [InlineData("jsonl", "{\"prompt\":\"a cat\",\"id\":\"0123456789012345678901234567890123456789012345678901234567890\"}\n", "line 1", "61 characters")]
    public async Task Mistakes_in_prompts_are_named_by_file_and_line_before_anything_is_drawn(string format, string content, params string[] messages)
    {
        Write("prompts." + format, content);
        var run = await Batch("prompts." + format, "-o", "out");
        Assert.Equal(1, run.ExitCode);
        Assert.All(messages.Append("prompts." + format), message => Assert.Contains(message, Assert.Single(Lines(run.Errors)), StringComparison.Ordinal));
        Assert.False(Directory.Exists(In("out")));
    }

    [Fact]
    public async Task Bytes_that_are_not_utf8_are_named_by_line()
    {
        File.WriteAllBytes(In("prompts.txt"), [.. "a cat\nкошка\nfa"u8, 0xE7, .. "ade\n"u8]);
        var run = await Batch("prompts.txt", "-o", "out");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("prompts.txt, line 3: the bytes are not UTF-8", run.Errors, StringComparison.Ordinal);
    }

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
    public async Task Arguments_that_make_no_batch_are_usage_errors(params string[] arguments)
    {
        Write("prompts.txt", "a cat");
        var run = await Batch(arguments);
        Assert.Equal((2, 0), (run.ExitCode, run.Output.Length));
        Assert.Contains("--help", run.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(In("out")));
    }

    [Fact]
    public async Task Shards_and_batch_sizes_give_the_same_images_and_merge_to_the_same_manifest()
    {
        await DrawUndisturbed("whole");
        Assert.Equal(0, (await Batch(["prompts.txt", "-o", "shards", "--shard", "2/3", "--batch-size", "1", .. Common])).ExitCode);

        var early = await Batch("--merge", In("shards"));
        Assert.Equal((1, 0), (early.ExitCode, early.Output.Length));
        Assert.Contains("missing: 00\n", early.Errors, StringComparison.Ordinal);
        Assert.Contains("40 of 60 prompts are missing", early.Errors, StringComparison.Ordinal);

        // The others at once, the last as Slurm tells it.
        var task = new Dictionary<string, string> { ["SLURM_ARRAY_TASK_ID"] = "12", ["SLURM_ARRAY_TASK_COUNT"] = "3", ["SLURM_ARRAY_TASK_MIN"] = "10" };
        var others = await Task.WhenAll(
            Batch(["prompts.txt", "-o", "shards", "--shard", "1/3", .. Common]),
            Tool.RunAsync(_folder.Path, ["batch", "prompts.txt", "-o", "shards", .. Common], environment: task));
        Assert.Equal([In("shards/manifest-1-of-3.jsonl"), In("shards/manifest-3-of-3.jsonl")], others.SelectMany(run => run.Output));
        Assert.Equal(Enumerable.Range(0, 20).Select(i => 3 * i + 2), Manifest("shards/manifest-3-of-3.jsonl").Select(entry => (int)entry["index"]!));

        var merge = await Batch("--merge", "shards");
        Assert.Equal((0, In("shards/manifest.jsonl")), (merge.ExitCode, merge.Output.Single()));
        var merged = BatchFolderState.Of(In("shards"));
        for (var shard = 1; shard <= 3; shard++)
            Assert.True(merged.Remove($"manifest-{shard}-of-3.jsonl"));
        Assert.Equal(BatchFolderState.Of(In("whole")), merged);
    }

    [Fact]
    public async Task A_task_of_an_uneven_slurm_array_must_be_told_its_shard()
    {
        Write("prompts.txt", "a cat");
        var task = new Dictionary<string, string> { ["SLURM_ARRAY_TASK_ID"] = "9", ["SLURM_ARRAY_TASK_COUNT"] = "3", ["SLURM_ARRAY_TASK_MIN"] = "1" };
        var run = await Tool.RunAsync(_folder.Path, ["batch", "prompts.txt", "-o", "out", .. Common], environment: task);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("--shard", run.Errors, StringComparison.Ordinal);
        Assert.Equal(0, (await Tool.RunAsync(_folder.Path, ["batch", "prompts.txt", "-o", "out", "--shard", "1/1", .. Common], environment: task)).ExitCode);
    }

    [Fact]
    public async Task A_batch_goes_on_with_other_shards_than_it_began_with()
    {
        await DrawUndisturbed("whole");
        await Batch(["prompts.txt", "-o", "out", "--shard", "1/4", .. Common]);
        var rest = JsonNode.Parse((await Batch(["prompts.txt", "-o", "out", "--json", .. Common])).Output.Single())!;
        Assert.Equal((60, 45), ((int)rest["done"]!, (int)rest["drawn"]!));
        Assert.Equal(BatchFolderState.ManifestOf(In("whole/manifest.jsonl")), BatchFolderState.ManifestOf(In("out/manifest.jsonl")));
    }

    [Fact]
    public async Task Thirty_kills_in_a_row_leave_no_trace()
    {
        // As many as thirty short runs may draw in all.
        await DrawUndisturbed("whole", prompts: 200);
        var random = new Random(7);
        var midway = 0;
        for (var kill = 0; kill < 30; kill++)
        {
            var before = BatchFolderState.ManifestOrEmpty(In("out/manifest.jsonl"));
            using var process = Tool.Start(_folder.Path, ["batch", "prompts.txt", "-o", "out", "--batch-size", "4", "--quiet", .. Common]);
            // Every other run has drawn some by then, however long it took to begin; the others are killed at any time.
            if (kill % 2 == 0)
                await UntilDrawn("out/manifest.jsonl", before.Length + random.Next(1, 4), process);
            await Task.Delay(random.Next(kill % 2 == 0 ? 100 : 1200));
            process.Kill();
            await process.WaitForExitAsync();

            // No line is lost, and none is there twice.
            var after = BatchFolderState.ManifestOrEmpty(In("out/manifest.jsonl"));
            Assert.Superset(before.ToHashSet(), after.ToHashSet());
            Assert.Equal(after.Length, after.Distinct().Count());
            midway += after.Length > before.Length ? 1 : 0;
        }
        Assert.NotEqual(0, midway);
        var run = await Batch(["prompts.txt", "-o", "out", .. Common]);
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(BatchFolderState.Of(In("whole")), BatchFolderState.Of(In("out")));
    }

    [Fact]
    public async Task Torn_lines_lost_and_altered_images_and_what_a_kill_left_are_repaired()
    {
        await DrawUndisturbed("whole");
        await DrawUndisturbed("out");
        var lines = File.ReadAllLines(In("out/manifest.jsonl"));
        (lines[3], lines[4]) = (lines[4], "\0\0\0\0\0\0");
        File.WriteAllText(In("out/manifest.jsonl"), string.Join('\n', lines[..^1]) + "\n" + lines[^1][..40]);
        File.Delete(In("out/10.png"));
        File.WriteAllText(In("out/11.png"), "half an im");
        File.WriteAllText(In("out/.shard-1-of-1.tmp"), "half a li");
        File.WriteAllText(In("out/.shard-1-of-1.lock"), "");

        var run = JsonNode.Parse((await Batch(["prompts.txt", "-o", "out", "--json", .. Common])).Output.Single())!;
        Assert.Equal((60, 4), ((int)run["done"]!, (int)run["drawn"]!));
        Assert.Equal(BatchFolderState.Of(In("whole")), BatchFolderState.Of(In("out")));
    }

    [Fact]
    public async Task The_folder_of_another_batch_is_refused()
    {
        Write("prompts.txt", "a cat\na dog\n");
        Write("others.txt", "a cat\na fox\n");
        Assert.Equal(0, (await Batch(["prompts.txt", "-o", "out", .. Common])).ExitCode);
        var before = BatchFolderState.Of(In("out"));
        foreach (var (arguments, message) in new (string[], string)[]
        {
            (["others.txt", "-o", "out", .. Common], "the prompts are others"),
            (["prompts.txt", "-o", "out", "--seed", "8", "--candidates", "1"], "--seed is 7 there and 8 here"),
            (["prompts.txt", "-o", "out", "--seed", "7", "--candidates", "2"], "--candidates is 1 there and 2 here"),
            (["prompts.txt", "-o", "out", "--guidance", "3", .. Common], "--guidance is 1.2 there and 3 here"),
        })
        {
            var run = await Batch(arguments);
            Assert.Equal(1, run.ExitCode);
            Assert.Contains(message, Assert.Single(Lines(run.Errors)), StringComparison.Ordinal);
        }
        Assert.Equal(before, BatchFolderState.Of(In("out")));
    }

    [Fact]
    public async Task Files_that_are_not_of_a_batch_are_not_replaced()
    {
        Write("prompts.csv", "id,prompt\ncat,a cat\ndog,a dog\n");
        Directory.CreateDirectory(In("photos"));
        Write("photos/note.txt", "mine");
        Write("photos/Dog.png", "mine");
        var run = await Batch(["prompts.csv", "-o", "photos", .. Common]);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("'dog.png' already", Assert.Single(Lines(run.Errors)), StringComparison.Ordinal);
        Assert.Equal(["Dog.png", "note.txt"], BatchFolderState.Of(In("photos")).Keys);
        Assert.Equal("mine", File.ReadAllText(In("photos/Dog.png")));

        File.Delete(In("photos/Dog.png"));
        Assert.Equal(0, (await Batch(["prompts.csv", "-o", "photos", .. Common])).ExitCode);
    }

    [Fact]
    public async Task Without_a_seed_a_random_one_is_kept()
    {
        Write("prompts.txt", "a cat\na dog\n");
        Assert.Equal(0, (await Batch("prompts.txt", "-o", "out", "--candidates", "1")).ExitCode);
        var first = BatchFolderState.Of(In("out"));
        File.Delete(In("out/1.png"));
        var again = await Batch("prompts.txt", "-o", "out", "--candidates", "1", "--json");
        Assert.Equal(0, again.ExitCode);
        Assert.Equal(first, BatchFolderState.Of(In("out")));

        // It is reported, and what it gives is what any seed gives.
        var seed = again.Json.Single().GetProperty("seed").GetUInt64();
        Assert.Contains($"with seed {seed}", again.Errors, StringComparison.Ordinal);
        Assert.Equal(0, (await Batch("prompts.txt", "-o", "given", "--candidates", "1", "--seed", $"{seed}")).ExitCode);
        Assert.Equal(first, BatchFolderState.Of(In("given")));
    }

    [Fact]
    public async Task A_prompt_that_fails_is_noted_and_drawn_again_on_retry()
    {
        Write("prompts.csv", "id,prompt\na,a cat\nb,a dog\nc,a fox\n");
        Directory.CreateDirectory(In("out/b.png"));
        var run = await Batch(["prompts.csv", "-o", "out", .. Common]);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("1 of 3 prompts failed", run.Errors, StringComparison.Ordinal);
        var entries = Manifest("out/manifest.jsonl");
        Assert.Equal([false, true, false], entries.Select(entry => entry.ContainsKey("error")));
        Assert.Equal(("b", 1, "a dog", false), ((string?)entries[1]["id"], (int)entries[1]["index"]!, (string?)entries[1]["prompt"], entries[1].ContainsKey("sha256")));
        var merge = await Batch("--merge", "out");
        Assert.Equal(1, merge.ExitCode);
        Assert.Contains("failed: b", merge.Errors, StringComparison.Ordinal);

        Directory.Delete(In("out/b.png"));
        Assert.Equal(1, (await Batch(["prompts.csv", "-o", "out", .. Common])).ExitCode);
        Assert.False(File.Exists(In("out/b.png")));
        Assert.Equal(0, (await Batch(["prompts.csv", "-o", "out", "--retry", .. Common])).ExitCode);
        Assert.Equal(0, (await Batch(["prompts.csv", "-o", "fresh", .. Common])).ExitCode);
        Assert.Equal(BatchFolderState.Of(In("fresh")), BatchFolderState.Of(In("out")));
    }

    [Fact]
    public async Task A_folder_that_cannot_be_written_is_a_clear_error()
    {
        Write("prompts.txt", "a cat");
        var run = await Batch("prompts.txt", "-o", "prompts.txt/out");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("prompts.txt/out", Assert.Single(Lines(run.Errors)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_disk_that_is_full_loses_nothing()
    {
        Directory.CreateDirectory(In("disk"));
        if (!OperatingSystem.IsLinux() || !await Succeeds("mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", In("disk")))
            Assert.Skip("The test mounts a small file system, as root on Linux.");
        try
        {
            await DrawUndisturbed("whole");
            var run = await Batch(["prompts.txt", "-o", "disk/out", "--quiet", .. Common]);
            Assert.Equal(1, run.ExitCode);
            Assert.Contains("space", Assert.Single(Lines(run.Errors)), StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(BatchFolderState.Of(In("disk/out")).Keys, name => name[0] == '.');
            var kept = BatchFolderState.ManifestOrEmpty(In("disk/out/manifest.jsonl")).Length;
            Assert.InRange(kept, 1, Prompts - 1);

            Assert.True(await Succeeds("mount", "-o", "remount,size=4m", In("disk")));
            var rest = JsonNode.Parse((await Batch(["prompts.txt", "-o", "disk/out", "--json", .. Common])).Output.Single())!;
            Assert.Equal((Prompts, Prompts - kept), ((int)rest["done"]!, (int)rest["drawn"]!));
            Assert.Equal(BatchFolderState.Of(In("whole")), BatchFolderState.Of(In("disk/out")));
        }
        finally
        {
            Assert.True(await Succeeds("umount", In("disk")));
        }
    }

    [Fact]
    public async Task An_interrupt_ends_cleanly_and_the_same_command_goes_on()
    {
        Tool.SkipUnlessInterruptible();
        Write("many.txt", string.Join('\n', Enumerable.Repeat("a cat", 2000)));
        using var process = Tool.Start(_folder.Path, ["batch", "many.txt", "-o", "out", .. Common]);
        await UntilDrawn("out/manifest.jsonl", 5, process);

        // Meanwhile the shard is taken, however often others try; another shard is not.
        for (var attempt = 0; attempt < 2; attempt++)
        {
            var second = await Batch(["many.txt", "-o", "out", .. Common]);
            Assert.Equal(1, second.ExitCode);
            Assert.Contains("Another process works on shard 1/1", second.Errors, StringComparison.Ordinal);
        }
        var other = await Batch(["many.txt", "-o", "out", "--shard", "2/1000", .. Common]);
        Assert.Equal(0, other.ExitCode);
        var run = await Tool.InterruptAsync(process);
        Assert.Equal(130, run.ExitCode);
        Assert.Contains("interrupted", run.Errors, StringComparison.Ordinal);
        var state = BatchFolderState.Of(In("out"));
        Assert.DoesNotContain(state.Keys, name => name[0] == '.');
        Assert.All(Directory.GetFiles(In("out"), "*.png"), path => MLImage.CreateFromFile(path).Dispose());

        var status = JsonNode.Parse((await Batch("--status", "out", "--json")).Output.Single())!;
        var done = Directory.GetFiles(In("out"), "*.png").Length;
        Assert.Equal((2000, done, 0, 2000 - done), ((int)status["prompts"]!, (int)status["done"]!, (int)status["failed"]!, (int)status["left"]!));
        Assert.Equal(["1/1", "2/1000"], status["shards"]!.AsArray().Select(shard => (string?)shard!["shard"]));
        Assert.Contains(" left", (await Batch("--status", "out")).Output[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_slurm_the_script_is_written_and_the_way_on_is_told()
    {
        Write("prompts.txt", "a cat\na dog");
        var run = await Tool.RunAsync(
            _folder.Path,
            ["batch", "prompts.txt", "-o", "it's out", "--submit", "slurm", "--array", "3", "--partition", "gpu", "--gpus-per-task", "1", "--time", "1:00:00", "--sbatch=--account=lab", "--batch-size", "2", .. Common],
            environment: new Dictionary<string, string> { ["PATH"] = _folder.Path });
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("There is no sbatch here", run.Errors, StringComparison.Ordinal);
        Assert.Contains(In("it's out/slurm.sh"), run.Errors, StringComparison.Ordinal);

        var script = File.ReadAllLines(In("it's out/slurm.sh"));
        foreach (var directive in new[] { "--array=1-3", "--partition=gpu", "--gpus-per-task=1", "--time=1:00:00", "--account=lab" })
            Assert.Contains($"#SBATCH {directive}", script);

        // Any shell runs a task of it.
        var task = new ProcessStartInfo("sh", ["slurm.sh"]) { WorkingDirectory = In("it's out"), RedirectStandardOutput = true, RedirectStandardError = true };
        task.Environment["SLURM_ARRAY_TASK_ID"] = "2";
        using var process = Process.Start(task)!;
        var drawn = await Tool.FinishAsync(process);
        Assert.Equal((0, In("it's out/manifest-2-of-3.jsonl")), (drawn.ExitCode, drawn.Output.Single()));
        Assert.Equal(["1.png"], BatchFolderState.ImagesOf(In("it's out")).Keys);
    }

    /// <summary>Draws the prompts of most tests into a folder at one go.</summary>
    private async Task DrawUndisturbed(string folder, int prompts = Prompts)
    {
        Write("prompts.txt", string.Concat(Enumerable.Range(0, prompts).Select(i => $"a red apple number {i}\n")));
        Assert.Equal(0, (await Batch(["prompts.txt", "-o", folder, .. Common])).ExitCode);
    }

    /// <summary>Waits until a run has drawn so much, or has ended.</summary>
    private async Task UntilDrawn(string manifest, int lines, Process run)
    {
        for (var clock = Stopwatch.StartNew(); !run.HasExited && BatchFolderState.ManifestOrEmpty(In(manifest)).Length < lines; await Task.Delay(10))
            Assert.True(clock.Elapsed < Patience, $"Nothing was drawn for {Patience.TotalMinutes} minutes.");
    }

    private static async Task<bool> Succeeds(string command, params string[] arguments)
    {
        using var process = Process.Start(command, arguments);
        await process.WaitForExitAsync();
        return process.ExitCode == 0;
    }

    private Task<Tool> Batch(params string[] arguments) => Tool.RunAsync(_folder.Path, ["batch", .. arguments]);

    private void Write(string name, string content) => File.WriteAllText(In(name), content, new UTF8Encoding(false));

    private string In(string name) => Path.Combine(_folder.Path, name);

    private JsonObject[] Manifest(string name) => [.. File.ReadAllLines(In(name)).Select(line => JsonNode.Parse(line)!.AsObject())];

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
