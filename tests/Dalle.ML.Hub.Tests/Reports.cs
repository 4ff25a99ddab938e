using System.Collections.Concurrent;

namespace Dalle.ML.Hub.Tests;

/// <summary>The reports of a pull, in their order.</summary>
internal sealed class Reports : IProgress<PullProgress>
{
    public ConcurrentQueue<PullProgress> All { get; } = [];

    public string Remarks => string.Join('\n', All.Select(report => report.Remark).OfType<string>());

    public void Report(PullProgress value) => All.Enqueue(value);
}
