using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using TorchSharp;

namespace Dalle.ML.Training.Optimisation;

/// <summary>A thread for each replica of a network. What runs on them may meet: <see cref="Meet"/>.</summary>
internal sealed class ReplicaThreads : IDisposable
{
    private static readonly Lock Choice = new();

    private readonly ConcurrentDictionary<(string, int), bool> _chosen = [];
    private readonly Thread[] _threads;
    private readonly SemaphoreSlim[] _starts;
    private readonly CountdownEvent _ends;
    private readonly Barrier _meeting;
    private readonly CancellationTokenSource _failed = new();
    private Action<int>? _action;
    private Exception? _failure;

    /// <param name="count">Number of replicas.</param>
    /// <param name="threadsEach">Threads that libtorch computes with in each.</param>
    public ReplicaThreads(int count, int threadsEach)
    {
        _ends = new(count);
        _meeting = new(count);
        _starts = [.. Enumerable.Range(0, count).Select(_ => new SemaphoreSlim(0))];
        _threads = [.. Enumerable.Range(0, count).Select(replica => new Thread(() => Work(replica, threadsEach))
        {
            IsBackground = true,
            Name = $"Dalle.ML training {replica}",
        })];
        foreach (var thread in _threads)
            thread.Start();
    }

    public int Count => _threads.Length;

    /// <summary>Runs the same for every replica, which it is told, and waits for all.</summary>
    public void Run(Action<int> action)
    {
        Signal(action);
        _ends.Wait();
        if (_failure is not null)
            ExceptionDispatchInfo.Throw(_failure);
    }

    /// <summary>Runs, within an action, a pass through a network; the first of its kind and size is alone in the process.</summary>
    /// <remarks>
    /// oneDNN, with which libtorch computes convolutions on a CPU, chooses the code for a shape by sizes of caches. It has them in static
    /// variables (<c>brg_blocking_t::L2</c> of oneDNN 3.7) and writes them anew, in steps, with every choice. Threads that choose for the
    /// same shape at once may choose differently; then one runs the code that the other has put into the cache, without the memory that
    /// this code needs, and the process crashes. Later passes find what was chosen: oneDNN keeps the last 1024 choices.
    /// </remarks>
    /// <param name="kind">What kind of pass it is.</param>
    /// <param name="images">Number of images of it.</param>
    /// <param name="pass">The pass.</param>
    public void Pass(string kind, int images, Action pass)
    {
        if (_chosen.ContainsKey((kind, images)))
        {
            pass();
            return;
        }
        lock (Choice)
            pass();
        _chosen[(kind, images)] = true;
    }

    /// <summary>Waits, within an action, until all replicas are here.</summary>
    public void Meet()
    {
        if (Count == 1)
            return;
        // Whoever is alone in a pass lets the others get here too.
        var isAlone = Choice.IsHeldByCurrentThread;
        if (isAlone)
            Choice.Exit();
        try
        {
            _meeting.SignalAndWait(_failed.Token);
        }
        finally
        {
            if (isAlone)
                Choice.Enter();
        }
    }

    /// <summary>The part of so many things that is a replica's.</summary>
    public (int Start, int Count) Share(int replica, int things)
    {
        var start = (int)((long)things * replica / Count);
        return (start, (int)((long)things * (replica + 1) / Count) - start);
    }

    public void Dispose()
    {
        Signal(null);
        foreach (var thread in _threads)
            thread.Join();
        foreach (var start in _starts)
            start.Dispose();
        _ends.Dispose();
        _meeting.Dispose();
        _failed.Dispose();
    }

    private void Signal(Action<int>? action)
    {
        _action = action;
        _ends.Reset();
        foreach (var start in _starts)
            start.Release();
    }

    private void Work(int replica, int threadsEach)
    {
        torch.set_num_threads(threadsEach);
        while (true)
        {
            _starts[replica].Wait();
            if (_action is not { } action)
                return;
            try
            {
                action(replica);
            }
            catch (Exception exception)
            {
                // The first failure is the cause; others are those of replicas that waited for it.
                _ = Interlocked.CompareExchange(ref _failure, exception, null);
                _failed.Cancel();
            }
            finally
            {
                _ends.Signal();
            }
        }
    }
}
