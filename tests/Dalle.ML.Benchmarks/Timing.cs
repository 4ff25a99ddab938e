using System.Diagnostics;

namespace Dalle.ML.Benchmarks;

/// <summary>Ways to take one sample of a time, in milliseconds.</summary>
internal static class Timing
{
    private static readonly TimeSpan LeastTime = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan TimeOfPasses = TimeSpan.FromMilliseconds(300);

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

    /// <summary>The best of the passes of a while: what the machine can do, whatever disturbs the others.</summary>
    public static Func<double> BestOf(Action action) => () =>
    {
        var (clock, best) = (Stopwatch.StartNew(), TimeSpan.MaxValue);
        while (clock.Elapsed < TimeOfPasses)
        {
            var start = clock.Elapsed;
            action();
            var elapsed = clock.Elapsed - start;
            best = elapsed < best ? elapsed : best;
        }
        return best.TotalMilliseconds;
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
