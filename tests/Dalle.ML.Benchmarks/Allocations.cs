namespace Dalle.ML.Benchmarks;

/// <summary>Takes one sample of the managed bytes that are allocated, which is the same each time but for what is made once.</summary>
internal static class Allocations
{
    /// <summary>Those of one of the equal parts of an action that may have to be prepared, on the calling thread.</summary>
    public static Func<double> Of(Action prepare, Action action, Func<int> parts) => () =>
    {
        prepare();
        var before = GC.GetAllocatedBytesForCurrentThread();
        action();
        return (GC.GetAllocatedBytesForCurrentThread() - before) / (double)parts();
    };
}
