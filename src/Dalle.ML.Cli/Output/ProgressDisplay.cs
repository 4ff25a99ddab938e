using System.Globalization;
using Spectre.Console;

namespace Dalle.ML.Cli;

/// <summary>How far a command is, on standard error: a bar where that is a terminal, else a line now and then if the command asks for lines.</summary>
internal sealed class ProgressDisplay
{
    private readonly ToolConsole _console;
    private readonly ProgressTask? _bar;
    private readonly TimeSpan? _betweenLines;
    private (long Time, double Fraction)? _start;
    private long _lastLine;

    private ProgressDisplay(ToolConsole console, ProgressTask? bar, TimeSpan? betweenLines) => (_console, _bar, _betweenLines) = (console, bar, betweenLines);

    /// <summary>Runs the work on another thread, so that the bar and signals stay alive.</summary>
    /// <param name="console">Where progress is shown.</param>
    /// <param name="isWanted">Whether progress is shown at all.</param>
    /// <param name="betweenLines">How often a line is written where there is no terminal; never if null.</param>
    /// <param name="work">The work, which reports to the display.</param>
    public static async Task RunAsync(ToolConsole console, bool isWanted, TimeSpan? betweenLines, Action<ProgressDisplay> work)
    {
        if (!isWanted || !console.IsErrorTerminal)
        {
            await Task.Run(() => work(new ProgressDisplay(console, bar: null, isWanted ? betweenLines : null)));
            return;
        }

        // What goes to the same terminal waits until the bar is gone, as each would write over the other.
        var (output, waiting) = (console.Output, new StringWriter());
        if (console.IsOutputTerminal)
            console.Output = waiting;
        try
        {
            await ShowAsync(console, work);
        }
        finally
        {
            console.Output = output;
            await output.WriteAsync(waiting.ToString());
        }
    }

    /// <summary>Reports how far the work is. The first report starts the clock: what was finished before does not count for the time left.</summary>
    /// <param name="fraction">0 to 1.</param>
    /// <param name="text">The same in words.</param>
    public void Report(double fraction, string text)
    {
        _start ??= (_lastLine = _console.Clock.GetTimestamp(), fraction);
        if (_bar is not null)
        {
            _bar.Value = fraction;
            _bar.Description = text + TimeLeft(fraction);
        }
        else if (_betweenLines is { } interval && _console.Clock.GetElapsedTime(_lastLine) >= interval)
        {
            _lastLine = _console.Clock.GetTimestamp();
            _console.Error.WriteLine($"dalle: {text}{TimeLeft(fraction)}");
        }
    }

    private static Task ShowAsync(ToolConsole console, Action<ProgressDisplay> work) =>
        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(console.Error) }).Progress()
            .AutoClear(true)
            .Columns(new ProgressBarColumn(), new PercentageColumn(), new TaskDescriptionColumn())
            .StartAsync(context =>
            {
                var bar = context.AddTask("loading the model", maxValue: 1);
                return Task.Run(() => work(new ProgressDisplay(console, bar, betweenLines: null)));
            });

    private string TimeLeft(double fraction)
    {
        var (time, done) = _start!.Value;
        if (fraction <= done)
            return "";
        var left = _console.Clock.GetElapsedTime(time) * ((1 - fraction) / (fraction - done));
        return string.Create(CultureInfo.InvariantCulture, $", {TimeSpan.FromSeconds(Math.Ceiling(left.TotalSeconds)):c} left");
    }
}
