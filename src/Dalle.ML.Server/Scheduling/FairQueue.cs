namespace Dalle.ML.Server.Scheduling;

/// <summary>
/// Images that wait, a lane for each client. Clients take turns: the one whose turn it is leads the next batch, and the others fill it in turn, so
/// that a client with many images delays another by one batch at most. Thread-safe.
/// </summary>
/// <param name="capacity">Number of images that may wait or be in work.</param>
internal sealed class FairQueue(int capacity) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly LinkedList<Lane> _lanes = [];
    private readonly SemaphoreSlim _added = new(0);
    private bool _isClosed;

    private sealed record Lane(string Client)
    {
        public LinkedList<ImageJob> Jobs { get; } = [];
    }

    /// <summary>Images that wait or are in work.</summary>
    public int Pending { get; private set; }

    /// <summary>Adds the images of a request, all or none.</summary>
    /// <returns>Whether there is room.</returns>
    public bool TryAdd(IReadOnlyList<ImageJob> jobs)
    {
        lock (_lock)
        {
            if (_isClosed || Pending + jobs.Count > capacity)
                return false;
            Pending += jobs.Count;
            foreach (var job in jobs)
                LaneOf(job.Client).Jobs.AddLast(job);
        }
        _added.Release();
        return true;
    }

    /// <summary>Puts back an image that has candidates left, before the others of its client.</summary>
    public void Return(ImageJob job)
    {
        lock (_lock)
            LaneOf(job.Client).Jobs.AddFirst(job);
        _added.Release();
    }

    /// <summary>Takes all that wait, and lets nothing in any more.</summary>
    public IReadOnlyList<ImageJob> Close()
    {
        lock (_lock)
        {
            _isClosed = true;
            ImageJob[] left = [.. _lanes.SelectMany(lane => lane.Jobs)];
            _lanes.Clear();
            return left;
        }
    }

    /// <summary>Removes images that wait and whose client has left.</summary>
    public void RemoveAbandoned()
    {
        lock (_lock)
        {
            foreach (var job in _lanes.SelectMany(lane => lane.Jobs).Where(job => job.IsAbandoned).ToArray())
            {
                Take(job);
                Pending--;
                job.Dispose();
            }
        }
    }

    /// <summary>Tells that an image that was taken is finished, one way or the other.</summary>
    public void Finish()
    {
        lock (_lock)
            Pending--;
    }

    /// <summary>Waits until something may have been added.</summary>
    public Task WaitAsync(CancellationToken cancellationToken) => _added.WaitAsync(cancellationToken);

    /// <summary>Takes images that can be generated together, empty if none wait.</summary>
    /// <param name="maxCandidates">Number of candidates of all of them, unless the first has more.</param>
    public IReadOnlyList<ImageJob> TakeBatch(int maxCandidates)
    {
        lock (_lock)
        {
            RemoveAbandoned();
            if (_lanes.First?.Value is not { } first)
                return [];
            var leader = first.Jobs.First!.Value;
            var slice = leader.Slice;
            var room = maxCandidates / slice.Candidates!.Value - 1;
            var batch = new List<ImageJob> { leader };
            Take(leader);
            if (_lanes.Remove(first))
                _lanes.AddLast(first);
            for (var before = -1; before != batch.Count && room > 0;)
            {
                before = batch.Count;
                foreach (var lane in _lanes.ToArray())
                {
                    if (room == 0 || lane.Jobs.FirstOrDefault(job => !job.HasPreviews && job.Slice == slice) is not { } job)
                        continue;
                    Take(job);
                    batch.Add(job);
                    room--;
                }
            }
            return batch;
        }
    }

    public void Dispose() => _added.Dispose();

    private Lane LaneOf(string client)
    {
        var lane = _lanes.FirstOrDefault(lane => lane.Client == client);
        if (lane is null)
            _lanes.AddLast(lane = new Lane(client));
        return lane;
    }

    private void Take(ImageJob job)
    {
        var lane = LaneOf(job.Client);
        lane.Jobs.Remove(job);
        if (lane.Jobs.Count == 0)
            _lanes.Remove(lane);
    }
}
