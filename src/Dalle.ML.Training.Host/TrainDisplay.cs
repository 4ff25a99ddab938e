using System.Diagnostics;
using System.Globalization;
using Spectre.Console;

namespace Dalle.ML.Training.Host;

/// <summary>How far training is, on standard error: a bar where that is a terminal, else a line for every epoch.</summary>
internal sealed class TrainDisplay : IProgress<TrainingProgress>
{
    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(10);

    private readonly TrainConsole _console;
    private readonly bool _isWanted;
    private readonly ProgressContext? _context;
    private readonly Stopwatch _sinceLine = new();
    private ProgressTask? _bar;
    private string? _part;
    private int _epoch;

    private TrainDisplay(TrainConsole console, bool isWanted, ProgressContext? context) => (_console, _isWanted, _context) = (console, isWanted, context);

    /// <summary>Runs the work on another thread.</summary>
    public static Task<TrainingResult> RunAsync(TrainConsole console, bool isWanted, Func<TrainDisplay, TrainingResult> work) =>
        !isWanted || !console.IsErrorTerminal
            ? Task.Run(() => work(new TrainDisplay(console, isWanted, context: null)))
            : AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(console.Error) }).Progress()
                .Columns(new ProgressBarColumn(), new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
                .StartAsync(context => Task.Run(() => work(new TrainDisplay(console, isWanted, context))));

    /// <summary>Says something that the user should know.</summary>
    public void Note(string text)
    {
        if (_isWanted)
            _console.Error.WriteLine($"dalle: {text}");
    }

    /// <summary>Reports how many images are read.</summary>
    public void Read(int count, int total) => Show("reading", (double)count / total, string.Create(CultureInfo.InvariantCulture, $"reading images: {count} of {total}"), isDue: count == total);

    public void Report(TrainingProgress value)
    {
        var isNewEpoch = _part != value.Stage.ToString() || _epoch != value.Epoch;
        _epoch = value.Epoch;
        var figures = string.Join(' ', value.Losses.Select(Figure).Concat(value.Validation.Select(figure => "validation-" + Figure(figure))));
        var left = value.Remaining is { } time ? string.Create(CultureInfo.InvariantCulture, $", {TimeSpan.FromSeconds(Math.Ceiling(time.TotalSeconds)):c} left") : "";
        Show(value.Stage.ToString(), value.Done, string.Create(
            CultureInfo.InvariantCulture, $"{Name(value.Stage)}: epoch {value.Epoch}, step {value.Step}, {value.SamplesPerSecond:F0} images/s, {figures}{left}"), isNewEpoch || value.Done >= 1);

        static string Figure(KeyValuePair<string, double> figure) => string.Create(CultureInfo.InvariantCulture, $"{figure.Key} {figure.Value:G3}");
    }

    private static string Name(TrainingStage stage) => stage switch
    {
        TrainingStage.DiscreteVae => "1 discrete VAE",
        TrainingStage.Transformer => "2 transformer",
        _ => "3 CLIP",
    };

    private void Show(string part, double done, string text, bool isDue)
    {
        if (_context is not null)
        {
            if (_part != part)
                _bar = _context.AddTask(Markup.Escape(text), maxValue: 1);
            _bar!.Value = done;
            _bar.Description = Markup.Escape(text);
        }
        else if (_isWanted && (isDue || _part != part) && (_part != part || done >= 1 || _sinceLine.Elapsed >= BetweenLines))
        {
            _sinceLine.Restart();
            _console.Error.WriteLine($"dalle: {text}");
        }
        _part = part;
    }
}
