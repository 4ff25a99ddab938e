using Dalle.ML.Models;
using Dalle.ML.Runtime;

namespace Dalle.ML;

/// <summary>
/// A share in an engine. Leases for the same bundle and device share one engine, and every call that is under way holds a share of its
/// own, so that an engine is freed neither too late nor under somebody's hands.
/// </summary>
internal sealed class EngineLease : IDisposable
{
    private static readonly Lock Lock = new();
    private static readonly Dictionary<Key, Shared> Engines = [];

    private readonly Shared _shared;
    private bool _isDisposed;

    private EngineLease(Shared shared) => _shared = shared;

    private sealed record Key(string Folder, string Hash, DalleDevice Device);

    private sealed class Shared(Key key, DalleEngine engine)
    {
        public Key Key => key;

        public DalleEngine Engine => engine;

        public int Shares { get; set; }
    }

    public DalleEngine Engine => _shared.Engine;

    /// <exception cref="DalleBundleException">The bundle cannot be used.</exception>
    public static EngineLease Open(string folder, DalleDevice device)
    {
        var key = new Key(Path.GetFullPath(folder), Bundle.HashOf(folder), device);
        lock (Lock)
        {
            if (!Engines.TryGetValue(key, out var shared))
            {
                shared = new Shared(key, new DalleEngine(Bundle.Open(folder), device));
                Engines.Add(key, shared);
            }
            shared.Shares++;
            return new EngineLease(shared);
        }
    }

    /// <summary>A share for the time of one call.</summary>
    /// <exception cref="ObjectDisposedException">This lease was given back.</exception>
    public EngineLease Use()
    {
        lock (Lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, typeof(DalleModel));
            _shared.Shares++;
            return new EngineLease(_shared);
        }
    }

    public void Dispose()
    {
        lock (Lock)
        {
            if (_isDisposed)
                return;
            _isDisposed = true;
            if (--_shared.Shares > 0)
                return;
            Engines.Remove(_shared.Key);
        }
        _shared.Engine.Dispose();
    }
}
