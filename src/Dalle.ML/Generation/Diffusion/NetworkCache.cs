using Dalle.ML.Bundles;
using Dalle.ML.Onnx;
using Dalle.ML.Runtime;

namespace Dalle.ML.Generation.Diffusion;

/// <summary>
/// The sessions of a model's networks, which are in use one after the other: those of a small model stay, those of a large one make room for the
/// next, so that the largest decides how much memory a model takes. Thread-safe.
/// </summary>
/// <param name="bundle">The bundle.</param>
/// <param name="device">Device to run on.</param>
/// <param name="memory">Bytes of weights that stay in memory.</param>
internal sealed class NetworkCache(Bundle bundle, DalleDevice device, long memory) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<Entry> _entries = [];

    /// <summary>Whether all networks stay in memory.</summary>
    public bool KeepsAll { get; } = bundle.Manifest.Files.Values.Sum(file => file.Size) <= memory;

    /// <summary>A network, which is created if it is not there; it stays until the returned use of it is disposed.</summary>
    public Use Open(string file)
    {
        lock (_lock)
        {
            var entry = _entries.Find(entry => entry.File == file);
            if (entry is null)
            {
                var size = SizeOf(file);
                MakeRoom(size);
                _entries.Add(entry = new Entry(file, size, new NetworkSession(bundle, file, device)));
            }
            entry.Users++;
            return new Use(this, entry);
        }
    }

    public void Dispose() => _entries.ForEach(entry => entry.Session.Dispose());

    private void MakeRoom(long size)
    {
        foreach (var idle in _entries.Where(entry => entry.Users == 0).ToArray())
        {
            if (size + _entries.Sum(entry => entry.Size) <= memory)
                return;
            idle.Session.Dispose();
            _entries.Remove(idle);
        }
    }

    /// <summary>Bytes of a graph and of its weights, which it may share with another.</summary>
    private long SizeOf(string file)
    {
        var folder = Path.GetDirectoryName(file) ?? "";
        var weights = OnnxFile.Read(bundle.PathOf(file)).ExternalFiles.Select(name => Path.Combine(folder, name).Replace('\\', '/'));
        return weights.Append(file).Sum(name => bundle.Manifest.Files[name].Size);
    }

    private sealed class Entry(string file, long size, NetworkSession session)
    {
        public string File => file;

        public long Size => size;

        public NetworkSession Session => session;

        public int Users { get; set; }
    }

    /// <summary>A network in use.</summary>
    public readonly struct Use : IDisposable
    {
        private readonly NetworkCache _cache;
        private readonly Entry _entry;

        internal Use(NetworkCache cache, object entry) => (_cache, _entry) = (cache, (Entry)entry);

        public NetworkSession Session => _entry.Session;

        public void Dispose()
        {
            lock (_cache._lock)
                _entry.Users--;
        }
    }
}
