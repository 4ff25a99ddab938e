using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;
using Xunit.Sdk;

namespace Dalle.ML.Cli.Tests;

public sealed partial class GenerateTests : IDisposable
{
    private const string Prompt = "a red apple on a blue background";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Writes_as_many_images_as_asked_and_prints_their_paths()
    {
        var run = await Run("generate", Prompt, "-n", "4", "--seed", "7", "-o", "out");
        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        Assert.Equal(4, run.Output.Distinct().Count());
        Assert.Equal(run.Output.Order(), Directory.GetFiles(In("out")).Order());
        Assert.All(run.Output, path =>
        {
            using var image = MLImage.CreateFromFile(path);
            Assert.Equal((128, 128), (image.Width, image.Height));
            Assert.StartsWith("a-red-apple-on-a-blue-background_", Path.GetFileName(path), StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task Each_image_is_byte_for_byte_the_one_generated_alone_and_by_the_pipeline()
    {
        var together = (await Run("generate", Prompt, "-n", "4", "--seed", "7", "-o", "together", "--json")).Json;
        foreach (var image in together)
        {
            var seed = image.GetProperty("seed").GetUInt64().ToString(CultureInfo.InvariantCulture);
            var alone = (await Run("generate", Prompt, "--seed", seed, "-o", "alone", "--json")).Json.Single();
            AssertSame(image, alone);

            var candidate = image.GetProperty("candidateSeed").GetUInt64().ToString(CultureInfo.InvariantCulture);
            AssertSame(image, (await Run("generate", Prompt, "--seed", candidate, "--candidates", "1", "-o", "candidate", "--json")).Json.Single());
        }

        var ml = new MLContext();
        var data = ml.Data.LoadFromEnumerable(together.Select(image => new Row { Prompt = Prompt, Seed = image.GetProperty("seed").GetUInt64() }).ToList());
        foreach (var batchSize in new[] { 1, 8 })
        {
            using var transformer = ml.Transforms.DalleGenerate(new DalleGenerateEstimator.Options { InputColumnName = "Prompt", InputSeedColumnName = "Seed", BatchSize = batchSize }).Fit(data);
            foreach (var (generated, image) in transformer.Transform(data).GetColumn<MLImage>("Image").Zip(together))
            {
                var path = In("pipeline.png");
                generated.Save(path);
                Assert.Equal(File.ReadAllBytes(PathOf(image)), File.ReadAllBytes(path));
            }
        }

        void AssertSame(JsonElement one, JsonElement other) => Assert.Equal(File.ReadAllBytes(PathOf(one)), File.ReadAllBytes(PathOf(other)));
    }

    [Fact]
    public async Task Prompts_come_from_arguments_and_standard_input()
    {
        var run = await Tool.RunAsync(_folder.Path, ["generate", "--seed", "1", "--candidates", "1"], "a cat\n\n  three bananas \r\nкошка\n");
        Assert.Equal(["a-cat_1.png", "three-bananas_1.png", "кошка_1.png"], run.Output.Select(Path.GetFileName));
        Assert.Equal(_folder.Path, Path.GetDirectoryName(run.Output[0]));

        var mixed = await Tool.RunAsync(_folder.Path, ["generate", "a dog", "-", "--seed", "1", "--candidates", "1", "-o", "mixed"], "a fox\n");
        Assert.Equal(["a-dog_1.png", "a-fox_1.png"], mixed.Output.Select(Path.GetFileName));
    }

    [Fact]
    public async Task No_prompt_is_a_usage_error()
    {
        var run = await Tool.RunAsync(_folder.Path, ["generate"], " \n");
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("no prompt", run.Errors, StringComparison.Ordinal);
        Assert.Empty(run.Output);
    }

    [Fact]
    public async Task Json_reports_what_made_an_image()
    {
        var image = (await Run("generate", "a \"cat\" 🐈", "--seed", "5", "--json")).Json.Single();
        Assert.Equal(("a \"cat\" 🐈", 5ul), (image.GetProperty("prompt").GetString(), image.GetProperty("seed").GetUInt64()));
        Assert.InRange(image.GetProperty("candidate").GetInt32(), 0, 7);
        Assert.InRange(image.GetProperty("score").GetSingle(), -100, 100);
        Assert.True(File.Exists(PathOf(image)));
    }

    [Fact]
    public async Task The_best_candidates_come_best_first()
    {
        var images = (await Run("generate", Prompt, "--seed", "3", "--candidates", "3", "--best", "2", "--json")).Json;
        Assert.Equal([1, 2], images.Select(image => image.GetProperty("rank").GetInt32()));
        Assert.True(images[0].GetProperty("score").GetSingle() >= images[1].GetProperty("score").GetSingle());
        Assert.Equal(["a-red-apple-on-a-blue-background_3_best1.png", "a-red-apple-on-a-blue-background_3_best2.png"], images.Select(image => Path.GetFileName(PathOf(image))));
        var alone = await Run("generate", Prompt, "--seed", "3", "--candidates", "3", "-o", "alone");
        Assert.Equal(File.ReadAllBytes(alone.Output[0]), File.ReadAllBytes(PathOf(images[0])));

        var tooMany = await Run("generate", Prompt, "--candidates", "2", "--best", "3", "-q");
        Assert.Equal(2, tooMany.ExitCode);
        Assert.Contains("--best 3 needs at least 3 candidates; --candidates is 2", tooMany.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Candidates_can_be_generated_in_several_runs_and_their_best_chosen()
    {
        string[] common = ["generate", Prompt, "--seed", "3", "--best", "2", "--json", "--candidates"];
        var whole = (await Run([.. common, "6", "-o", "whole"])).Json;
        var first = (await Run([.. common, "4", "-o", "parts"])).Json;
        var rest = (await Run([.. common, "2", "--first-candidate", "4", "-o", "parts"])).Json;
        Assert.Equal([4, 5], rest.Select(image => image.GetProperty("candidate").GetInt32()).Order());
        var best = first.Concat(rest).OrderByDescending(image => image.GetProperty("score").GetSingle()).Take(2).ToArray();
        Assert.Equal(whole.Select(image => image.GetProperty("candidate").GetInt32()), best.Select(image => image.GetProperty("candidate").GetInt32()));
        Assert.Equal(whole.Select(PathOf).Select(File.ReadAllBytes), best.Select(PathOf).Select(File.ReadAllBytes));
    }

    [Fact]
    public async Task What_the_model_does_not_see_of_a_prompt_is_said_once_for_each_prompt()
    {
        var longPrompt = string.Join(' ', Enumerable.Repeat("a cat", 40));
        string[] arguments = ["generate", "an axolotl on a mat", longPrompt, "-n", "2", "--seed", "1", "--candidates", "1", "-o", "out", "--json"];
        var run = await Run(arguments);
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(1, CountOf("the model never saw: axolotl, mat."));
        Assert.Equal(1, CountOf("were cut: the model reads 24"));
        using var model = DalleModel.LoadDefault();
        int?[] cut = [null, null, model.CountCutTokens(longPrompt), model.CountCutTokens(longPrompt)];
        Assert.Equal(cut, run.Json.Select(image => image.TryGetProperty("cutTokens", out var tokens) ? tokens.GetInt32() : default(int?)));
        Assert.Equal("", (await Run([.. arguments, "-q"])).Errors);

        int CountOf(string remark) => run.Errors.Split(remark).Length - 1;
    }

    [Fact]
    public async Task Every_row_of_tokens_can_be_watched()
    {
        // So hot that no two images are the same.
        string[] hot = ["--seed", "1", "--temperature", "4", "--guidance", "1"];
        var run = await Run(["generate", "a cat", "-n", "2", "--candidates", "2", "--progressive", "rows", "-o", "out", .. hot]);
        var rows = Directory.GetFiles(In("rows")).Order().ToArray();
        Assert.Equal(2 * 16, rows.Length);
        Assert.Contains(In("rows/a-cat_1_row03.png"), rows);

        // The preview of all rows is the first candidate.
        var candidate = await Run(["generate", "a cat", "--candidates", "1", "-o", "first", .. hot]);
        Assert.Equal(File.ReadAllBytes(candidate.Output[0]), File.ReadAllBytes(In("rows/a-cat_1_row16.png")));
        Assert.Equal(rows.Length, rows.Select(path => Convert.ToHexString(File.ReadAllBytes(path))).Distinct().Count());

        // Watching changes nothing.
        var unwatched = await Run(["generate", "a cat", "-n", "2", "--candidates", "2", "-o", "unwatched", .. hot]);
        Assert.Equal(unwatched.Output.Select(File.ReadAllBytes), run.Output.Select(File.ReadAllBytes));
    }

    [Fact]
    public async Task Prompts_come_from_a_file()
    {
        File.WriteAllText(In("prompts.txt"), "a cat\r\n\n  кошка \n");
        var run = await Run("generate", "a dog", "--prompts", "prompts.txt", "--seed", "1", "--candidates", "1", "-o", "out");
        Assert.Equal(["a-dog_1.png", "a-cat_1.png", "кошка_1.png"], run.Output.Select(Path.GetFileName));

        var piped = await Tool.RunAsync(_folder.Path, ["generate", "--prompts", "-", "--seed", "1", "--candidates", "1", "-o", "out"], "a cat\n");
        Assert.Equal([run.Output[1]], piped.Output);

        File.WriteAllBytes(In("latin1.txt"), [0x61, 0x0A, 0xE9, 0x62]);
        File.WriteAllText(In("empty.txt"), "\n");
        Directory.CreateDirectory(In("folder.txt"));
        foreach (var (exitCode, file, message) in new[]
        {
            (1, "latin1.txt", "latin1.txt, line 2: the bytes are not UTF-8"),
            (1, "empty.txt", "empty.txt, line 1: there is no prompt"),
            (1, "none.txt", "'none.txt' does not exist"),
            (1, "folder.txt", "'folder.txt' is a folder"),
            (2, "prompts.csv", "use 'dalle batch' for 'prompts.csv'"),
        })
        {
            var failed = await Run("generate", "--prompts", file, "-q");
            Assert.Equal(exitCode, failed.ExitCode);
            Assert.Contains(message, failed.Errors.Split('\n')[0], StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task One_image_goes_to_standard_output_as_bytes()
    {
        string[] arguments = ["generate", "a cat", "--seed", "1", "--candidates", "1"];
        var file = await Run(arguments);
        var piped = await Run([.. arguments, "-o", "-"]);
        Assert.Equal((0, ""), (piped.ExitCode, piped.Errors));
        Assert.Equal(File.ReadAllBytes(file.Output[0]), piped.Bytes);

        foreach (var (extra, message) in new[] { (new[] { "-n", "2" }, "one image"), (["--grid"], "one image"), (["--json"], "--json") })
        {
            var refused = await Run([.. arguments, "-o", "-", .. extra]);
            Assert.Equal(2, refused.ExitCode);
            Assert.Contains(message, refused.Errors, StringComparison.Ordinal);
            Assert.Empty(refused.Bytes);
        }
    }

    [Fact]
    public async Task A_grid_shows_all_images()
    {
        var run = await Run("generate", "a cat", "a dog", "-n", "3", "--seed", "1", "--candidates", "1", "--grid");
        Assert.Equal(7, run.Output.Length);
        using var sheet = MLImage.CreateFromFile(run.Output[^1]);
        Assert.Equal(("grid.png", 3 * 132 + 4, 2 * 132 + 4), (Path.GetFileName(run.Output[^1]), sheet.Width, sheet.Height));
        using var first = MLImage.CreateFromFile(run.Output[0]);
        var corner = sheet.GetBGRPixels.AsSpan((4 * sheet.Width + 4) * 3, 128 * 3).ToArray();
        Assert.Equal(first.GetBGRPixels[..(128 * 3)], corner);
    }

    [Fact]
    public async Task A_grid_that_is_too_large_is_refused_at_the_first_image()
    {
        var run = await Run("generate", "a cat", "-n", "20000", "--seed", "1", "--candidates", "1", "--grid", "-q");
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("--grid would make a sheet of 18748 × 18616 pixels", run.Errors, StringComparison.Ordinal);
        Assert.Equal(Directory.GetFiles(_folder.Path), run.Output);
    }

    [Fact]
    public async Task A_random_seed_is_reported_and_gives_the_image_again()
    {
        var run = await Run("generate", "a cat", "--candidates", "1");
        var seed = Assert.Single(run.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)).Split(' ')[^1];
        var again = await Run("generate", "a cat", "--candidates", "1", "--seed", seed, "-o", "again");
        Assert.Equal(File.ReadAllBytes(run.Output[0]), File.ReadAllBytes(again.Output[0]));

        var quiet = await Run("generate", "a cat", "--candidates", "1", "--quiet", "-o", "quiet");
        Assert.Equal("", quiet.Errors);
    }

    [Fact]
    public async Task Sampling_options_reach_the_model()
    {
        string[] common = ["generate", "a purple octopus", "--candidates", "1", "--seed"];
        var greedy = await Task.WhenAll(
            Run([.. common, "1", "--top-k", "1", "-o", "1"]), Run([.. common, "2", "--temperature", "0", "-o", "2"]), Run([.. common, "3", "--top-p", "1e-6", "-o", "3"]));
        Assert.Single(greedy.Select(run => Convert.ToHexString(File.ReadAllBytes(run.Output[0]))).Distinct());
        var unguided = await Run([.. common, "1", "--top-k", "1", "--guidance", "1", "-o", "4"]);
        Assert.NotEqual(File.ReadAllBytes(greedy[0].Output[0]), File.ReadAllBytes(unguided.Output[0]));
    }

    [Fact]
    public async Task A_different_picture_of_the_same_name_is_kept()
    {
        string[] arguments = ["generate", "a purple octopus", "--candidates", "1", "--seed", "1"];
        var first = await Run(arguments);
        var picture = File.ReadAllBytes(first.Output[0]);
        Assert.Equal(first.Output, (await Run(arguments)).Output);
        var other = await Run([.. arguments, "--guidance", "1"]);
        Assert.Equal("a-purple-octopus_1_2.png", Path.GetFileName(other.Output[0]));
        Assert.Equal(picture, File.ReadAllBytes(first.Output[0]));
    }

    [Theory]
    [InlineData("--temperature", "-1", "--temperature must be a number, 0 or more.")]
    [InlineData("--temperature", "warm", "--temperature")]
    [InlineData("--top-k", "-2", "--top-k must be a whole number from 0 to 2147483647.")]
    [InlineData("--top-p", "0", "--top-p must be a number above 0 and at most 1.")]
    [InlineData("--guidance", "NaN", "--guidance must be a finite number.")]
    [InlineData("--candidates", "513", "--candidates must be a whole number from 1 to 512.")]
    [InlineData("--first-candidate", "-1", "--first-candidate must be a whole number from 0 to 2147483135.")]
    [InlineData("-n", "0", "--images must be a whole number from 1 to 100000.")]
    [InlineData("--device", "tpu", "--device must be cpu, cuda or cuda:N")]
    [InlineData("--seed", "-1", "--seed must be a whole number from 0 to 18446744073709551615.")]
    [InlineData("--spin", "1000001", "--spin must be a whole number from 0 to 1000000.")]
    [InlineData("--temperature", "0,5", "--temperature must be a number, 0 or more. Numbers take a point, not a comma as in 0,5.")]
    [InlineData("--top-p", "0,9", "--top-p must be a number above 0 and at most 1. Numbers take a point, not a comma as in 0,9.")]
    [InlineData("--guidance", "1,2", "--guidance must be a finite number. Numbers take a point, not a comma as in 1,2.")]
    [InlineData("--gpu-memory", "1,5", "--gpu-memory must be a number from 0.1 to 1024. Numbers take a point, not a comma as in 1,5.")]
    [InlineData("--seed", "1,000", "Numbers take a point, not a comma as in 1,000.")]
    [InlineData("--top-k", "1e3", "--top-k must be")]
    [InlineData("--colour", "red", "--colour")]
    public async Task Options_out_of_range_are_usage_errors_that_name_them(string option, string value, string message)
    {
        var run = await Run("generate", "a cat", option, value);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains(message, run.Errors, StringComparison.Ordinal);
        Assert.Contains("--help", run.Errors, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public async Task What_cannot_be_read_or_written_fails_in_one_line()
    {
        File.WriteAllText(In("file"), "");
        foreach (var (arguments, message) in new[]
        {
            (new[] { "-m", "no-such-model" }, "no-such-model"),
            (["-m", "file"], "it is a file. Give the folder with 'dalle.json'"),
            (["-o", "file"], "cannot be created: a file has this name."),
            (File.Exists("/dev/nvidia0") ? ["-m", "x"] : ["--device", "cuda"], File.Exists("/dev/nvidia0") ? "x" : "Microsoft.ML.OnnxRuntime.Gpu"),
        })
        {
            var run = await Run(["generate", "a cat", "--seed", "1", .. arguments]);
            Assert.Equal(1, run.ExitCode);
            Assert.Contains(message, Assert.Single(run.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task An_interrupt_keeps_what_is_finished()
    {
        ToolProcess.SkipUnlessInterruptible();
        using var process = ToolProcess.Start(_folder.Path, ["generate", "a cat", "-n", "2000", "--seed", "1", "-o", "out"]);
        var first = await process.StandardOutput.ReadLineAsync();
        var run = await ToolProcess.InterruptAsync(process);
        Assert.Equal(130, run.ExitCode);
        string[] printed = [first!, .. run.Output];
        Assert.Contains($"{printed.Length} of 2000 images were written", run.Errors, StringComparison.Ordinal);
        Assert.Equal(printed.Order(), Directory.GetFiles(In("out")).Order());
        Assert.All(printed, path => MLImage.CreateFromFile(path).Dispose());
    }

    [Theory]
    [InlineData("generate 'a cat'", 1)]
    [InlineData("generate 'a cat' --best 2", 2)]
    [InlineData("complete start.png 'a cat' --keep top:2", 1)]
    public async Task An_interrupt_keeps_the_best_of_the_candidates_that_are_finished(string command, int images)
    {
        ToolProcess.SkipUnlessInterruptible();
        Pictures.Generate(_folder, "a dog", "start.png");
        if (!OperatingSystem.IsLinux() || !File.Exists("/usr/bin/script"))
            Assert.Skip("The test needs 'script' of util-linux, which runs a program in a terminal.");
        var start = new ProcessStartInfo("script", ["--quiet", "--return", "--command", $"dotnet '{ToolProcess.AssemblyPath}' {command} --candidates 512 --seed 1 -o out", "/dev/null"])
        {
            WorkingDirectory = _folder.Path,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        start.Environment["NO_COLOR"] = "1";
        using var process = Process.Start(start)!;

        // In a terminal, progress shows when the first batch is finished. Ctrl+C is a character there.
        var shown = new StringBuilder();
        while (!SecondBatch().IsMatch(shown.ToString()))
        {
            var next = process.StandardOutput.Read();
            Assert.True(next >= 0, shown.ToString());
            shown.Append((char)next);
        }
        await process.StandardInput.WriteAsync('\x3');
        await process.StandardInput.FlushAsync();
        var rest = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(130, process.ExitCode);
        Assert.Contains($"{images} of {images} images were written", rest, StringComparison.Ordinal);

        var (first, count) = RestOfCandidates().Match(rest) is { Success: true } match ? (match.Groups[1].Value, match.Groups[2].Value) : throw new XunitException(rest);
        Assert.Equal(512, int.Parse(first, CultureInfo.InvariantCulture) + int.Parse(count, CultureInfo.InvariantCulture));
        var finished = await Run([.. command.Replace("'a cat'", "a_cat", StringComparison.Ordinal).Split(' ').Select(word => word.Replace('_', ' ')), "--candidates", first, "--seed", "1", "-o", "finished"]);
        Assert.Equal(finished.Output.Select(File.ReadAllBytes), Directory.GetFiles(In("out")).Order().Select(File.ReadAllBytes));
    }

    [Fact]
    public async Task Help_and_version_are_there()
    {
        var help = await Run("generate", "--help");
        Assert.Equal(0, help.ExitCode);
        foreach (var option in new[] { "--model", "-n", "--candidates", "--seed", "--temperature", "--top-k", "--top-p", "--guidance", "--grid", "--best", "--first-candidate", "--progressive", "--prompts", "-o", "--device", "--json", "--quiet" })
            Assert.Contains(help.Output, line => line.Contains(option, StringComparison.Ordinal));
        Assert.Equal(0, (await Run("--version")).ExitCode);
    }

    private Task<Tool> Run(params string[] arguments) => Tool.RunAsync(_folder.Path, arguments);

    private string In(string name) => Path.Combine(_folder.Path, name);

    private static string PathOf(JsonElement image) => image.GetProperty("file").GetString()!;

    [GeneratedRegex("candidate [1-9][0-9]+ of 512")]
    private static partial Regex SecondBatch();

    [GeneratedRegex("--seed 1 --first-candidate ([0-9]+) --candidates ([0-9]+) generates the rest")]
    private static partial Regex RestOfCandidates();

    private sealed class Row
    {
        public string Prompt { get; set; } = "";

        public ulong Seed { get; set; }
    }
}
