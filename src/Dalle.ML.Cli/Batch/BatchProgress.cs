using System.Diagnostics;
using System.Globalization;
using Spectre.Console;

namespace Dalle.ML.Cli.Batch;

/// <summary>How far a batch is, on standard error: a bar where that is a terminal, else a line now and then.</summary>
internal sealed class BatchProgress
{
    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(10);

    private readonly bool _isWanted;
    private readonly ProgressTask? _bar;
    private readonly Stopwatch _clock = new();
    private TimeSpan _nextLine = BetweenLines;
    private int _finishedBefore;

    private BatchProgress(bool isWanted, ProgressTask? bar) => (_isWanted, _bar) = (isWanted, bar);

    /// <summary>Runs the work on another thread, so that the bar and signals stay alive.</summary>
    public static Task RunAsync(bool isWanted, Action<BatchProgress> work)
    {
        if (!isWanted || Console.IsErrorRedirected)
            return Task.Run(() => work(new BatchProgress(isWanted, bar: null)));
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return console.Progress()
            .AutoClear(true)
            .Columns(new ProgressBarColumn(), new PercentageColumn(), new TaskDescriptionColumn())
            .StartAsync(context =>
            {
                var bar = context.AddTask("loading the model");
                return Task.Run(() => work(new BatchProgress(isWanted, bar)));
            });
    }

    /// <summary>Starts the clock: what was finished before does not count for the rate.</summary>
    public void Begin(int finished, int total)
    {
        _finishedBefore = finished;
        _clock.Start();
        Report(finished, total);
    }

    public void Report(int finished, int total)
    {
        if (_bar is not null)
        {
            _bar.MaxValue = Math.Max(total, 1);
            _bar.Value = finished;
            _bar.Description = Text(finished, total);
        }
        else if (_isWanted && _clock.Elapsed >= _nextLine)
        {
            _nextLine = _clock.Elapsed + BetweenLines;
            Console.Error.WriteLine("dalle: " + Text(finished, total));
        }
    }

    private string Text(int finished, int total)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"{finished} of {total} prompts");
        var rate = (finished - _finishedBefore) / _clock.Elapsed.TotalSeconds;
        return rate > 0
            ? string.Create(CultureInfo.InvariantCulture, $"{text}, {rate:0.##} a second, {TimeSpan.FromSeconds(Math.Ceiling((total - finished) / rate)):c} left")
            : text;
    }
}
