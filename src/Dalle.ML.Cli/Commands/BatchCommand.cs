using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Dalle.ML.Prompts;
using Dalle.ML.Transforms;

namespace Dalle.ML.Cli;

/// <summary><c>dalle batch</c>: generates a file of prompts into a folder of images, in one or more runs and processes.</summary>
internal static class BatchCommand
{
    private const int DefaultArray = 4;

    // An image costs the less the more are generated at once; with guidance this number fills the rows of a transformer.
    private const int CandidatesPerBatch = 32;
    private const int LeastBatchSize = 8;

    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(10);

    private static readonly Argument<string> Prompts = new("prompts")
    {
        Description = "A .txt file with one prompt per line, or a .csv, .tsv or .jsonl file with 'prompt' and optionally 'id' and 'seed'; '-' for standard input.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<string> Output = new("--output", "-o") { HelpName = "folder", Description = "Folder of the images and manifest.jsonl; created if missing." };
    private static readonly Option<PromptFormat?> Format = new("--format") { Description = "Format of the prompts [default: by the extension; txt for '-']." };
    private static readonly Option<int?> BatchSize = new Option<int?>("--batch-size") { HelpName = "n", Description = "Prompts per batch; the images do not depend on it [default: 8, or as many as have 32 candidates]." }
        .MustBeNumber(1, 100_000);
    private static readonly Option<string> ShardOption = new("--shard") { HelpName = "i/n", Description = "Generate part i of n only [default: all, or the part of this Slurm array task]." };
    private static readonly Option<bool> Retry = new("--retry") { Description = "Generate failed prompts again." };
    private static readonly Option<string> Merge = new("--merge") { HelpName = "folder", Description = "Check that all shards are done, and merge their manifests." };
    private static readonly Option<string> Status = new("--status") { HelpName = "folder", Description = "Report the progress of a batch." };
    private static readonly Option<string> Submit = new("--submit") { Description = "Run the batch as a Slurm job array." };
    private static readonly Option<int> Array = new Option<int>("--array") { HelpName = "n", Description = "Number of tasks of the Slurm job array.", DefaultValueFactory = _ => DefaultArray }
        .MustBeNumber(1, 100_000);
    private static readonly Option<string> Partition = new("--partition") { HelpName = "name", Description = "Slurm partition." };
    private static readonly Option<string> GpusPerTask = new("--gpus-per-task") { HelpName = "n", Description = "GPUs per task." };
    private static readonly Option<string> Time = new("--time") { HelpName = "limit", Description = "Time limit of a task, e.g. 4:00:00." };
    private static readonly Option<string[]> Sbatch = new("--sbatch") { HelpName = "option", Description = "Another option for sbatch, e.g. --sbatch=--account=lab; may be repeated." };

    public static Command Create()
    {
        Format.AcceptOnlyFromAmong(PromptFormats.Names);
        Submit.AcceptOnlyFromAmong("slurm");
        ShardOption.MustBe(text => text is null || Shard.Parse(text) is not null, "I/N, with I from 1 to N");
        foreach (var option in new[] { Partition, GpusPerTask, Time })
            option.MustBe(value => value is null || (value.Length > 0 && !value.Any(char.IsWhiteSpace)), "one word");
        Sbatch.MustBe(values => values is null || values.All(value => value.StartsWith('-') && !value.Any(char.IsControl)), "an option of sbatch, e.g. --sbatch=--account=lab");

        var command = new ToolCommand("batch", "Generate an image for each prompt of a file. The same command resumes an interrupted batch.",
        [
            "dalle batch prompts.csv -o out --seed 7",
            "dalle batch prompts.csv -o out --seed 7 --shard 2/8",
            "dalle batch prompts.csv -o out --upscale 4 --upscaler models/esrgan",
            "dalle batch --merge out",
            "dalle batch prompts.csv -o out --submit slurm --array 8 --device cuda",
            "dalle batch --status out",
        ])
        {
            Prompts, Output, Format, ModelOptions.All, SamplingArguments.Seed, SamplingArguments.Sampling, Enlargement.Options, BatchSize, ShardOption, Retry, Merge, Status,
            Submit, Array, Partition, GpusPerTask, Time, Sbatch, Results.Json, Results.Quiet,
        };
        command.Validators.Add(CheckMode);
        command.SetAction(RunAsync);
        return command;
    }

    /// <summary>The number of prompts that are generated together, where none is given.</summary>
    /// <param name="candidates">Number of candidates of each.</param>
    internal static int DefaultBatchSize(int candidates) => Math.Max(LeastBatchSize, CandidatesPerBatch / candidates);

    private static void CheckMode(CommandResult result)
    {
        var prompts = result.GetValue(Prompts);
        var isReport = result.GetResult(Merge) is not null || result.GetResult(Status) is not null;
        if (result.GetResult(Merge) is not null && result.GetResult(Status) is not null)
            result.AddError("--merge and --status cannot be combined.");
        else if (isReport && (prompts is not null || result.GetResult(Output) is not null || result.GetResult(Submit) is not null))
            result.AddError("--merge and --status take the folder of a batch, without prompts, --output or --submit.");
        else if (!isReport && (prompts is null || result.GetResult(Output) is null))
            result.AddError("batch needs a file of prompts ('-' for standard input) and an output folder: dalle batch prompts.txt -o out.");
        else if (prompts is not null && result.GetResult(Format) is null && BatchPrompts.FormatOf(prompts) is null)
            result.AddError($"The extension of '{prompts}' is not a known prompt format. Name the format with --format {string.Join('|', PromptFormats.Names)}.");
        else if (result.GetResult(Submit) is not null && result.GetResult(ShardOption) is not null)
            result.AddError("--submit assigns a shard to each task: omit --shard.");
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        if (parsed.GetPath(Status) is { } reported)
            return Report(BatchStatus.Read(reported), parsed);
        if (parsed.GetPath(Merge) is { } merged)
            return Report(BatchMerge.Run(merged, parsed.Console().Error), parsed);

        var path = parsed.GetRequiredValue(Prompts);
        var prompts = BatchPrompts.Read(PromptInput.ReadFile(parsed.Console(), path, parsed.GetValue(Format) ?? BatchPrompts.FormatOf(path)!.Value, cancellationToken));
        return parsed.GetValue(Submit) is null ? await GenerateAsync(parsed, prompts, cancellationToken) : SubmitToSlurm(parsed, prompts);
    }

    private static async Task<int> GenerateAsync(ParseResult parsed, IReadOnlyList<NumberedPrompt> prompts, CancellationToken cancellationToken)
    {
        var shard = parsed.GetValue(ShardOption) is { } text ? Shard.Parse(text)! : Shard.OfSlurmTask(parsed.Console().Variable) ?? Shard.Whole;
        var options = new DalleGenerateEstimator.Options
        {
            Generation = SamplingArguments.Read(parsed),
            CancellationToken = cancellationToken,
        };
        BatchSummary? summary = null;
        try
        {
            await ProgressDisplay.RunAsync(parsed.Console(), !parsed.GetValue(Results.Quiet), BetweenLines, display =>
            {
                using var folder = new BatchFolder(parsed.GetRequiredPath(Output), shard);
                using var model = ModelOptions.Load(parsed);
                using var enlargement = Enlargement.Open(parsed, cancellationToken);
                var generation = SamplingArguments.Complete(options.Generation, model.Info);
                var batchSize = parsed.GetValue(BatchSize) ?? DefaultBatchSize((generation.Candidates ?? model.Info.Defaults.Candidates)!.Value);
                using var transformer = BatchRunner.Load(options with { Model = model, Generation = generation, BatchSize = batchSize });
                var job = BatchJob.Open(folder, prompts, model.Info, options.Generation, enlargement, parsed.GetValue(SamplingArguments.Seed), remark => Remark(parsed, remark));
                PromptRemarks.OfAll(parsed, model, [.. prompts.Select(prompt => prompt.Prompt)]);
                summary = new BatchRunner(folder, job, prompts, shard, model.CountCutTokens, enlargement).Run(transformer, parsed.GetValue(Retry), new BatchProgress(display, parsed.Console().Clock));
            });
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            Results.Remark(parsed, "interrupted; finished images are kept. The same command resumes the batch.");
            return CommandLine.Interrupted;
        }
        return Report(summary!, parsed);
    }

    private static int SubmitToSlurm(ParseResult parsed, IReadOnlyList<NumberedPrompt> prompts)
    {
        using var folder = new BatchFolder(parsed.GetRequiredPath(Output), Shard.Whole);
        // On the CPU: who submits need not have the device that the tasks will have.
        using var model = DalleModel.Load(ModelOptions.PathOf(parsed));
        var options = SamplingArguments.Complete(SamplingArguments.Read(parsed), model.Info);
        using var enlargement = Enlargement.Open(parsed, CancellationToken.None, DalleDevice.Cpu);
        var job = BatchJob.Open(folder, prompts, model.Info, options, enlargement, parsed.GetValue(SamplingArguments.Seed), remark => Remark(parsed, remark));

        // The tasks read the folder's copy of the prompts: theirs may be standard input, or change before the tasks start.
        string[] command =
        [
            .. ThisTool(), "batch", folder.PathOf(BatchJob.PromptsName), "-o", folder.FullPath, "--model", ModelOptions.PathOf(parsed),
            "--device", ModelOptions.DeviceOf(parsed).ToString(),
            "--seed", job.Seed.ToString(CultureInfo.InvariantCulture),
            .. ModelOptions.Threads.Concat(SamplingArguments.Sampling).Append(BatchSize).Append(Retry).SelectMany(option => Given(parsed, option)),
            .. Enlargement.Given(parsed),
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

    private static void Remark(ParseResult parsed, string remark)
    {
        if (!parsed.GetValue(Results.Quiet))
            Results.Remark(parsed, remark);
    }

    private static int Report(BatchSummary summary, ParseResult parsed)
    {
        if (parsed.GetValue(Results.Json) || summary.Missing == 0)
            Results.Write(parsed, summary.Manifest, summary);
        Remark(parsed, $"{summary}");
        if (summary.Missing > 0)
            Results.Remark(parsed, string.Create(CultureInfo.InvariantCulture, $"{summary.Missing} of {summary.Prompts} prompts are missing: run their shards again."));
        if (summary.Failed > 0)
            Results.Remark(parsed, string.Create(CultureInfo.InvariantCulture, $"{summary.Failed} of {summary.Prompts} prompts failed; {summary.Manifest} has the reasons. --retry generates them again."));
        return summary.Done == summary.Prompts ? CommandLine.Success : CommandLine.Failure;
    }

    private static int Report(BatchStatus status, ParseResult parsed)
    {
        Results.Write(parsed, string.Join(Environment.NewLine, status.Lines()), status);
        return CommandLine.Success;
    }
}
