namespace Dalle.ML.Engine;

/// <summary>Works on several items at once.</summary>
internal static class SideBySide
{
    /// <summary>
    /// The results of items, in their order. Items are taken by the caller's thread, each when its work can begin; at most as many as run at once are
    /// worked on in vain when the caller stops early, and their results are disposed.
    /// </summary>
    /// <param name="items">The items.</param>
    /// <param name="atOnce">Number of items to work on at once; of one the caller's thread makes the result.</param>
    /// <param name="work">Makes the result of an item.</param>
    public static IEnumerable<TResult> Select<T, TResult>(IEnumerable<T> items, int atOnce, Func<T, TResult> work)
        where TResult : IDisposable => atOnce == 1 ? items.Select(work) : SelectOnThreads(items, atOnce, work);

    private static IEnumerable<TResult> SelectOnThreads<T, TResult>(IEnumerable<T> items, int atOnce, Func<T, TResult> work)
        where TResult : IDisposable
    {
        var running = new Queue<Task<TResult>>();
        try
        {
            foreach (var item in items)
            {
                running.Enqueue(Task.Run(() => work(item)));
                if (running.Count == atOnce)
                    yield return running.Dequeue().GetAwaiter().GetResult();
            }
            while (running.Count > 0)
                yield return running.Dequeue().GetAwaiter().GetResult();
        }
        finally
        {
            // They use what the caller disposes next.
            foreach (var task in running)
                DisposeResult(task);
        }
    }

    private static void DisposeResult<TResult>(Task<TResult> task)
        where TResult : IDisposable
    {
        ((IAsyncResult)task).AsyncWaitHandle.WaitOne();
        if (task.IsCompletedSuccessfully)
            task.Result.Dispose();
    }
}
