using System.Collections.Concurrent;
using Dalle.ML.Hub;
using Spectre.Console;

namespace Dalle.ML.Cli;

/// <summary>How far a pull is, on standard error: a line for each file, with its rate and the time left where that is a terminal.</summary>
internal static class PullDisplay
{
    public static async Task<string> RunAsync(ToolConsole console, bool isWanted, Func<IProgress<PullProgress>?, Task<string>> pull)
    {
        if (!isWanted)
            return await pull(null);
        if (!console.IsErrorTerminal)
            return await pull(new Lines(console, bars: null));
        return await AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(console.Error) }).Progress()
            .Columns(
                new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new DownloadedColumn(), new TransferSpeedColumn(), new RemainingTimeColumn())
            .StartAsync(context => pull(new Lines(console, context)));
    }

    /// <summary>Reports in the order in which they come, unlike <see cref="Progress{T}"/>.</summary>
    private sealed class Lines(ToolConsole console, ProgressContext? bars) : IProgress<PullProgress>
    {
        private readonly ConcurrentDictionary<string, ProgressTask> _tasks = [];

        public void Report(PullProgress value)
        {
            var text = value switch
            {
                { Stage: PullStage.Exporting } => value.Remark ?? "exporting",
                { Stage: PullStage.Planned or PullStage.Verified, Remark: { } remark } => $"{ByteSize.Text(value.Size)}, {remark}",
                { Stage: PullStage.Verified } when bars is null => $"{ByteSize.Text(value.Size)}, verified",
                _ => value.Remark,
            };
            if (bars is not null && value is { Stage: PullStage.Downloading or PullStage.Verifying or PullStage.Verified, Size: > 0 })
                _tasks.GetOrAdd(value.File, file => bars.AddTask(Markup.Escape(file), maxValue: value.Size)).Value = value.Bytes;
            if (text is not null)
                console.Error.WriteLine($"dalle: {value.File}: {text}");
        }
    }
}
