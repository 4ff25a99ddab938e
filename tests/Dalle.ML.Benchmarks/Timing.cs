using System.Diagnostics;

namespace Dalle.ML.Benchmarks;

/// <summary>Ways to take one sample of a time, in milliseconds.</summary>
internal static class Timing
{
    private static readonly TimeSpan LeastTime = TimeSpan.FromMilliseconds(25);

    /// <summary>An action that may be too short to be timed alone: it is repeated for a while.</summary>
    public static Func<double> Of(Action action) => () =>
    {
        var (start, count, elapsed) = (Stopwatch.GetTimestamp(), 0, default(TimeSpan));
        while (elapsed < LeastTime)
        {
            action();
            count++;
            elapsed = Stopwatch.GetElapsedTime(start);
        }
        return elapsed.TotalMilliseconds / count;
    };

    /// <summary>One of the equal parts of an action that must be prepared each time; how many may not be known before a model is loaded.</summary>
    public static Func<double> Of(Action prepare, Action action, Func<int> parts) => () =>
    {
        prepare();
        var start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds / parts();
    };
}
