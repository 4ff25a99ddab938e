using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Dalle.ML.Cli.Tests;

/// <summary>The folder of a batch: what is repaired, refused and kept.</summary>
public sealed class BatchFolderTests : IDisposable
{
    private readonly BatchSandbox _batch = new();

    public void Dispose() => _batch.Dispose();

    [Fact]
    public async Task Torn_lines_lost_and_altered_images_and_what_a_kill_left_are_repaired()
    {
        await _batch.RunUndisturbedAsync("whole");
        await _batch.RunUndisturbedAsync("out");
        var lines = File.ReadAllLines(_batch.In("out/manifest.jsonl"));
        (lines[3], lines[4]) = (lines[4], "\0\0\0\0\0\0");
        File.WriteAllText(_batch.In("out/manifest.jsonl"), string.Join('\n', lines[..^1]) + "\n" + lines[^1][..40]);
        File.Delete(_batch.In("out/10.png"));
        File.WriteAllText(_batch.In("out/11.png"), "half an im");
        File.WriteAllText(_batch.In("out/.shard-1-of-1.tmp"), "half a li");
        File.WriteAllText(_batch.In("out/.shard-1-of-1.lock"), "");

        var run = JsonNode.Parse((await _batch.RunAsync(["prompts.txt", "-o", "out", "--json", .. BatchSandbox.Common])).Output.Single())!;
        Assert.Equal((60, 4), ((int)run["done"]!, (int)run["drawn"]!));
        Assert.Equal(BatchFolderState.Of(_batch.In("whole")), BatchFolderState.Of(_batch.In("out")));
    }

    [Fact]
    public async Task The_folder_of_another_batch_is_refused()
    {
        _batch.Write("prompts.txt", "a cat\na dog\n");
        _batch.Write("others.txt", "a cow\na fox\n");
        _batch.Write("fewer.txt", "a cat\n");
        Assert.Equal(0, (await _batch.RunAsync(["prompts.txt", "-o", "out", .. BatchSandbox.Common])).ExitCode);
        var before = BatchFolderState.Of(_batch.In("out"));
        foreach (var (arguments, message) in new (string[], string)[]
        {
            (["others.txt", "-o", "out", .. BatchSandbox.Common], "2 of its 2 prompts differ"),
            (["fewer.txt", "-o", "out", .. BatchSandbox.Common], "it has 2 prompts, and here are 1"),
            (["prompts.txt", "-o", "out", "--seed", "8", "--candidates", "1"], "--seed is 7 there and 8 here"),
            (["prompts.txt", "-o", "out", "--seed", "7", "--candidates", "2"], "--candidates is 1 there and 2 here"),
            (["prompts.txt", "-o", "out", "--guidance", "3", .. BatchSandbox.Common], "--guidance is 1.2 there and 3 here"),
        })
        {
            var run = await _batch.RunAsync(arguments);
            Assert.Equal(1, run.ExitCode);
            Assert.Contains(message, Assert.Single(BatchSandbox.Lines(run.Errors)), StringComparison.Ordinal);
        }
        Assert.Equal(before, BatchFolderState.Of(_batch.In("out")));
    }

    [Theory]
    [InlineData("txt", "a cat {0}\n", "")]
    [InlineData("csv", "p{0},a cat {0}\n", "id,prompt\n")]
    public async Task Prompts_that_are_added_or_changed_are_generated_and_the_rest_is_kept(string format, string line, string header)
    {
        var file = "prompts." + format;
        var prompts = Enumerable.Range(0, 10).Select(i => string.Format(CultureInfo.InvariantCulture, line, i)).ToArray();
        _batch.Write(file, header + string.Concat(prompts));
        Assert.Equal(0, (await _batch.RunAsync([file, "-o", "out", .. BatchSandbox.Common])).ExitCode);

        // With more than ten prompts, numbers have two digits, and images get other names.
        prompts[3] = prompts[3].Replace("cat", "dog", StringComparison.Ordinal);
        _batch.Write(file, header + string.Concat(prompts) + string.Format(CultureInfo.InvariantCulture, line, 10) + string.Format(CultureInfo.InvariantCulture, line, 11));
        var run = await _batch.RunAsync([file, "-o", "out", "--json", .. BatchSandbox.Common]);
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("dalle: the prompts of this batch have changed: 2 are new and 1 are different.", run.Errors, StringComparison.Ordinal);
        Assert.Equal((12, 3), (run.Json[0].GetProperty("done").GetInt32(), run.Json[0].GetProperty("drawn").GetInt32()));

        Assert.Equal(0, (await _batch.RunAsync([file, "-o", "fresh", .. BatchSandbox.Common])).ExitCode);
        Assert.Equal(BatchFolderState.Of(_batch.In("fresh")), BatchFolderState.Of(_batch.In("out")));
    }

    [Fact]
    public async Task A_new_prompt_never_replaces_a_file_that_is_not_of_the_batch()
    {
        _batch.Write("prompts.csv", "id,prompt\ncat,a cat\n");
        Assert.Equal(0, (await _batch.RunAsync(["prompts.csv", "-o", "out", .. BatchSandbox.Common])).ExitCode);
        _batch.Write("prompts.csv", "id,prompt\ncat,a cat\ndog,a dog\n");
        _batch.Write("out/dog.png", "mine");
        var run = await _batch.RunAsync(["prompts.csv", "-o", "out", .. BatchSandbox.Common]);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("already has a file 'dog.png'", run.Errors, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(_batch.In("out/dog.png")));
    }

    [Fact]
    public async Task Files_that_are_not_of_a_batch_are_not_replaced()
    {
        _batch.Write("prompts.csv", "id,prompt\ncat,a cat\ndog,a dog\n");
        Directory.CreateDirectory(_batch.In("photos"));
        _batch.Write("photos/note.txt", "mine");
        _batch.Write("photos/Dog.png", "mine");
        var run = await _batch.RunAsync(["prompts.csv", "-o", "photos", .. BatchSandbox.Common]);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("already has a file 'dog.png'", Assert.Single(BatchSandbox.Lines(run.Errors)), StringComparison.Ordinal);
        Assert.Equal(["Dog.png", "note.txt"], BatchFolderState.Of(_batch.In("photos")).Keys);
        Assert.Equal("mine", File.ReadAllText(_batch.In("photos/Dog.png")));

        File.Delete(_batch.In("photos/Dog.png"));
        Assert.Equal(0, (await _batch.RunAsync(["prompts.csv", "-o", "photos", .. BatchSandbox.Common])).ExitCode);
    }

    [Fact]
    public async Task A_folder_that_cannot_be_written_is_a_clear_error()
    {
        _batch.Write("prompts.txt", "a cat");
        var run = await _batch.RunAsync("prompts.txt", "-o", "prompts.txt/out");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("prompts.txt/out", Assert.Single(BatchSandbox.Lines(run.Errors)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_disk_that_is_full_loses_nothing()
    {
        Directory.CreateDirectory(_batch.In("disk"));
        if (!OperatingSystem.IsLinux() || !await Succeeds("mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", _batch.In("disk")))
            Assert.Skip("The test mounts a small file system, as root on Linux.");
        try
        {
            await _batch.RunUndisturbedAsync("whole");
            var run = await _batch.RunAsync(["prompts.txt", "-o", "disk/out", "--quiet", .. BatchSandbox.Common]);
            Assert.Equal(1, run.ExitCode);
            Assert.Contains("space", Assert.Single(BatchSandbox.Lines(run.Errors)), StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(BatchFolderState.Of(_batch.In("disk/out")).Keys, name => name[0] == '.');
            var kept = BatchFolderState.ManifestOrEmpty(_batch.In("disk/out/manifest.jsonl")).Length;
            Assert.InRange(kept, 1, BatchSandbox.Prompts - 1);

            Assert.True(await Succeeds("mount", "-o", "remount,size=4m", _batch.In("disk")));
            var rest = JsonNode.Parse((await _batch.RunAsync(["prompts.txt", "-o", "disk/out", "--json", .. BatchSandbox.Common])).Output.Single())!;
            Assert.Equal((BatchSandbox.Prompts, BatchSandbox.Prompts - kept), ((int)rest["done"]!, (int)rest["drawn"]!));
            Assert.Equal(BatchFolderState.Of(_batch.In("whole")), BatchFolderState.Of(_batch.In("disk/out")));
        }
        finally
        {
            Assert.True(await Succeeds("umount", _batch.In("disk")));
        }
    }

    private static async Task<bool> Succeeds(string command, params string[] arguments)
    {
        using var process = Process.Start(command, arguments);
        await process.WaitForExitAsync();
        return process.ExitCode == 0;
    }
}
