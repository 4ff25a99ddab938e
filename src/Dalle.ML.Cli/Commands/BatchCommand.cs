using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Dalle.ML.Prompts;
using Dalle.ML.Transforms;

namespace Dalle.ML.Cli;

/// <summary><c>dalle batch</c>: a file of prompts becomes a folder of images, in as many sittings and processes as it takes.</summary>
internal static class BatchCommand
{
    private const int DefaultArray = 4;

    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(10);

    private static readonly Argument<string> Prompts = new("prompts")
    {
        Description = "A .txt file with a prompt a line; a .csv or .tsv file with a header and a column 'prompt', if need be 'id' and 'seed'; or a .jsonl file of objects with these. '-' is standard input.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<string> Output = new("--output", "-o") { Description = "Folder of the images and manifest.jsonl, created if need be." };
    private static readonly Option<PromptFormat?> Format = new("--format") { Description = "The format of the prompts [default: by the file's ending; txt for '-']." };
    private static readonly Option<int> BatchSize = new Option<int>("--batch-size") { Description = "Prompts that are drawn together. The images are the same.", DefaultValueFactory = _ => 8 }
        .MustBe(size => size is >= 1 and <= 100_000, "between 1 and 100000");
    private static readonly Option<string> ShardOption = new("--shard") { Description = "I/N: draw the I-th of N parts only; others may draw the other parts at the same time [default: all, or the part of the Slurm array task that this runs in]." };
    private static readonly Option<bool> Retry = new("--retry") { Description = "Draw prompts again that failed." };
    private static readonly Option<string> Merge = new("--merge") { Description = "Check that all parts of a batch are done, and join their manifests." };
    private static readonly Option<string> Status = new("--status") { Description = "Report how far a batch is." };
    private static readonly Option<string> Submit = new("--submit") { Description = "'slurm': leave the batch to a Slurm job array." };
    private static readonly Option<int> Array = new("--array") { Description = "Tasks of the Slurm job array.", DefaultValueFactory = _ => DefaultArray };
    private static readonly Option<string> Partition = new("--partition") { Description = "Slurm's partition." };
    private static readonly Option<string> GpusPerTask = new("--gpus-per-task") { Description = "GPUs that Slurm gives each task." };
    private static readonly Option<string> Time = new("--time") { Description = "Slurm's limit of a task's time, e.g. 4:00:00." };
    private static readonly Option<string[]> Sbatch = new("--sbatch") { Description = "A further option for sbatch, e.g. --sbatch=--account=lab; may be repeated." };

    public static Command Create()
    {
        Format.AcceptOnlyFromAmong(PromptFormats.Names);
        Submit.AcceptOnlyFromAmong("slurm");
        Array.MustBe(tasks => tasks is >= 1 and <= 100_000, "between 1 and 100000");
        ShardOption.MustBe(text => text is null || Shard.Parse(text) is not null, "I/N, with I from 1 to N");
        foreach (var option in new[] { Partition, GpusPerTask, Time })
            option.MustBe(value => value is null || (value.Length > 0 && !value.Any(char.IsWhiteSpace)), "one word");
        Sbatch.MustBe(values => values is null || values.All(value => value.StartsWith('-') && !value.Any(char.IsControl)), "an option of sbatch, e.g. --sbatch=--account=lab");

        var command = new ToolCommand("batch", "Draw a file of prompts. A batch that was interrupted, or killed, goes on when the same command is given again.",
        [
            "dalle batch prompts.csv -o out --seed 7",
            "dalle batch prompts.csv -o out --seed 7 --shard 2/8",
            "dalle batch --merge out",
            "dalle batch prompts.csv -o out --submit slurm --array 8 --gpus-per-task 1 --device cuda",
            "dalle batch --status out",
        ])
        {
            Prompts, Output, Format, ModelOptions.All, SamplingArguments.Seed, SamplingArguments.Sampling, BatchSize, ShardOption, Retry, Merge, Status,
            Submit, Array, Partition, GpusPerTask, Time, Sbatch, Results.Json, Results.Quiet,
        };
        command.Validators.Add(CheckMode);
        command.SetAction(RunAsync);
        return command;
    }

    private static void CheckMode(CommandResult result)
    {
        var prompts = result.GetValue(Prompts);
        var isReport = result.GetResult(Merge) is not null || result.GetResult(Status) is not null;
        if (result.GetResult(Merge) is not null && result.GetResult(Status) is not null)
            result.AddError("--merge and --status do not go together.");
        else if (isReport && (prompts is not null || result.GetResult(Output) is not null || result.GetResult(Submit) is not null))
            result.AddError("--merge and --status take the folder of a batch, and neither prompts nor --output nor --submit.");
        else if (!isReport && (prompts is null || result.GetResult(Output) is null))
            result.AddError("batch takes a file of prompts, '-' for standard input, and the folder of the images: dalle batch prompts.txt -o out.");
        else if (prompts is not null && result.GetResult(Format) is null && BatchPrompts.FormatOf(prompts) is null)
            result.AddError($"The ending of '{prompts}' names no format. Say which it is with --format {string.Join('|', PromptFormats.Names)}.");
        else if (result.GetResult(Submit) is not null && result.GetResult(ShardOption) is not null)
            result.AddError("--submit gives each task its shard: leave --shard out.");
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        if (parsed.GetPath(Status) is { } reported)
            return Report(BatchStatus.Read(reported), parsed);
        if (parsed.GetPath(Merge) is { } merged)
            return Report(BatchMerge.Run(merged, parsed.Console().Error), parsed);

        var path = parsed.GetRequiredValue(Prompts);
        var prompts = BatchPrompts.Read(PromptInput.ReadFile(parsed.Console(), path, parsed.GetValue(Format) ?? BatchPrompts.FormatOf(path)!.Value, cancellationToken));
        return parsed.GetValue(Submit) is null ? await DrawAsync(parsed, prompts, cancellationToken) : SubmitToSlurm(parsed, prompts);
    }

    private static async Task<int> DrawAsync(ParseResult parsed, IReadOnlyList<NumberedPrompt> prompts, CancellationToken cancellationToken)
    {
        var shard = parsed.GetValue(ShardOption) is { } text ? Shard.Parse(text)! : Shard.OfSlurmTask(parsed.Console().Variable) ?? Shard.Whole;
        var options = new DalleGenerateEstimator.Options
        {
            Generation = SamplingArguments.Read(parsed),
            BatchSize = parsed.GetValue(BatchSize),
            CancellationToken = cancellationToken,
        };
        BatchSummary? summary = null;
        try
        {
            await ProgressDisplay.RunAsync(parsed.Console(), !parsed.GetValue(Results.Quiet), BetweenLines, display =>
            {
                using var folder = new BatchFolder(parsed.GetRequiredPath(Output), shard);
                using var model = ModelOptions.Load(parsed);
                using var transformer = BatchRunner.Load(options with { Model = model });
                var job = BatchJob.Open(folder, prompts, model.Info, options.Generation, parsed.GetValue(SamplingArguments.Seed));
                summary = new BatchRunner(folder, job, prompts, shard).Run(transformer, parsed.GetValue(Retry), new BatchProgress(display, parsed.Console().Clock));
            });
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            Results.Remark(parsed, "interrupted; what is finished is kept. The same command goes on from there.");
            return CommandLine.Interrupted;
        }
        return Report(summary!, parsed);
    }

    private static int SubmitToSlurm(ParseResult parsed, IReadOnlyList<NumberedPrompt> prompts)
    {
        using var folder = new BatchFolder(parsed.GetRequiredPath(Output), Shard.Whole);
        // On the CPU: who submits need not have the device that the tasks will have.
        using var model = DalleModel.Load(ModelOptions.PathOf(parsed));
        var job = BatchJob.Open(folder, prompts, model.Info, SamplingArguments.Read(parsed), parsed.GetValue(SamplingArguments.Seed));

        // The tasks read the folder's copy of the prompts: theirs may be standard input, or change before the tasks start.
        string[] command =
        [
            .. ThisTool(), "batch", folder.PathOf(BatchJob.PromptsName), "-o", folder.FullPath, "--model", ModelOptions.PathOf(parsed),
            "--device", ModelOptions.DeviceOf(parsed).ToString(),
            "--seed", job.Seed.ToString(CultureInfo.InvariantCulture),
            .. ModelOptions.Threads.Concat(SamplingArguments.Sampling).Append(BatchSize).Append(Retry).SelectMany(option => Given(parsed, option)),
        ];
        var tasks = parsed.GetValue(Array);
        string?[] directives =
        [
            Directive("--partition", parsed.GetValue(Partition)), Directive("--gpus-per-task", parsed.GetValue(GpusPerTask)),
            Directive("--time", parsed.GetValue(Time)), .. parsed.GetValue(Sbatch) ?? [],
        ];
        folder.Write(SlurmArray.ScriptName, SlurmArray.Script(command, tasks, directives.OfType<string>()));
        var array = SlurmArray.Submit(folder, tasks);
        Results.Write(parsed, array.Job, new { array.Job, array.Tasks, Script = folder.PathOf(SlurmArray.ScriptName) });
        return CommandLine.Success;

        static string? Directive(string name, string? value) => value is null ? null : $"{name}={value}";
    }

    /// <summary>How this process was started: by its own executable, or by dotnet.</summary>
    private static IEnumerable<string> ThisTool() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet"
            ? [Environment.ProcessPath!, typeof(BatchCommand).Assembly.Location]
            : [Environment.ProcessPath!];

    /// <summary>An option as it was given on the command line.</summary>
    private static IEnumerable<string> Given(ParseResult parsed, Option option) =>
        parsed.GetResult(option) is { Implicit: false } result ? result.Tokens.Select(token => token.Value).Prepend(option.Name) : [];

    private static int Report(BatchSummary summary, ParseResult parsed)
    {
        if (parsed.GetValue(Results.Json) || summary.Missing == 0)
            Results.Write(parsed, summary.Manifest, summary);
        if (!parsed.GetValue(Results.Quiet))
            Results.Remark(parsed, $"{summary}");
        if (summary.Missing > 0)
            Results.Remark(parsed, string.Create(CultureInfo.InvariantCulture, $"{summary.Missing} of {summary.Prompts} prompts are missing: give the command of their shards again."));
        if (summary.Failed > 0)
            Results.Remark(parsed, string.Create(CultureInfo.InvariantCulture, $"{summary.Failed} of {summary.Prompts} prompts failed; {summary.Manifest} tells why. --retry draws them again."));
        return summary.Done == summary.Prompts ? CommandLine.Success : CommandLine.Failure;
    }

    private static int Report(BatchStatus status, ParseResult parsed)
    {
        Results.Write(parsed, string.Join(Environment.NewLine, status.Lines()), status);
        return CommandLine.Success;
    }
}
