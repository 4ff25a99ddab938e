using System.Globalization;

namespace Dalle.ML.Cli;

/// <summary>Progress of a batch: finished prompts, and their rate since this run started.</summary>
internal sealed class BatchProgress(ProgressDisplay display, TimeProvider clock)
{
    private (long Time, int Finished)? _start;

    public void Report(int finished, int total)
    {
        _start ??= (clock.GetTimestamp(), finished);
        var rate = (finished - _start.Value.Finished) / clock.GetElapsedTime(_start.Value.Time).TotalSeconds;
        var text = string.Create(CultureInfo.InvariantCulture, $"{finished} of {total} prompts{(rate > 0 ? string.Create(CultureInfo.InvariantCulture, $", {rate:0.##} a second") : "")}");
        display.Report((double)finished / Math.Max(total, 1), text);
    }
}
