using System.Globalization;
using Spectre.Console;

namespace Dalle.ML.Cli;

/// <summary>A bar on standard error while images are drawn, where that is a terminal.</summary>
internal static class ProgressBar
{
    /// <summary>Runs the work on another thread, so that the bar and signals stay alive.</summary>
    public static async Task RunAsync(bool isWanted, Action<IProgress<GenerationProgress>?> work)
    {
        if (!isWanted || Console.IsErrorRedirected)
        {
            await Task.Run(() => work(null));
            return;
        }

        // What goes to the same terminal waits until the bar is gone, as each would write over the other.
        var (output, waiting) = (Console.Out, new StringWriter());
        if (!Console.IsOutputRedirected)
            Console.SetOut(waiting);
        try
        {
            await ShowAsync(work);
        }
        finally
        {
            Console.SetOut(output);
            await output.WriteAsync(waiting.ToString());
        }
    }

    private static Task ShowAsync(Action<IProgress<GenerationProgress>?> work)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return console.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(context =>
            {
                var bar = context.AddTask("drawing", maxValue: 1);
                return Task.Run(() => work(new Reporter(bar)));
            });
    }

    /// <summary>Reports at once: <see cref="Progress{T}"/> would hand every token to the thread pool.</summary>
    private sealed class Reporter(ProgressTask bar) : IProgress<GenerationProgress>
    {
        public void Report(GenerationProgress value)
        {
            bar.Value = value.Fraction;
            bar.Description = string.Create(CultureInfo.InvariantCulture, $"image {value.Image + 1} of {value.Images}, candidate {value.Candidate + 1} of {value.Candidates}");
        }
    }
}
