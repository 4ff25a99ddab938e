using Dalle.ML.Bundles;
using Dalle.ML.Runtime;

namespace Dalle.ML.Engine;

/// <summary>
/// A counted reference to an engine. Handles for the same bundle and device refer to one engine, and every call in progress holds one, so
/// that an engine is freed neither too late nor while it is used.
/// </summary>
internal sealed class EngineHandle : IDisposable
{
    private static readonly Lock Lock = new();
    private static readonly Dictionary<Key, Shared> Engines = [];

    private readonly Shared _shared;
    private bool _isDisposed;

    private EngineHandle(Shared shared) => _shared = shared;

    private sealed record Key(string Folder, string Hash, DalleDevice Device);

    private sealed class Shared(Key key, bool isForImages)
    {
        public Key Key => key;

        /// <summary>Created outside the lock: verifying a large bundle takes seconds, during which other calls continue.</summary>
        public Lazy<DalleEngine> Engine { get; } = new(() => Create(key, isForImages));

        public int References { get; set; }
    }

    public DalleEngine Engine => _shared.Engine.Value;

    /// <param name="folder">Folder of the bundle.</param>
    /// <param name="device">Device to run on.</param>
    /// <param name="isForImages">Whether images are generated at once: what that takes is made ready while the bundle is verified.</param>
    /// <exception cref="DalleBundleException">The bundle cannot be used.</exception>
    public static EngineHandle Open(string folder, DalleDevice device, bool isForImages = false)
    {
        if (isForImages)
            Task.Run(() => OrtRuntime.Start(device));
        var key = new Key(Bundle.FullPath(folder), Bundle.HashOf(folder), device);
        EngineHandle handle;
        lock (Lock)
        {
            if (!Engines.TryGetValue(key, out var shared))
                Engines.Add(key, shared = new Shared(key, isForImages));
            shared.References++;
            handle = new EngineHandle(shared);
        }
        try
        {
            _ = handle.Engine;
            return handle;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Whether an engine is open for the bundle.</summary>
    public static bool IsOpen(string folder)
    {
        lock (Lock)
            return Engines.Keys.Any(key => key.Folder == Bundle.FullPath(folder));
    }

    /// <summary>A reference for the duration of one call; null if this one was released.</summary>
    public EngineHandle? TryAcquire()
    {
        lock (Lock)
        {
            if (_isDisposed)
                return null;
            _shared.References++;
            return new EngineHandle(_shared);
        }
    }

    // A pipeline that was loaded from a file is dropped, not disposed: ML.NET knows no other end for it.
    ~EngineHandle() => Release();

    public void Dispose()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    private static DalleEngine Create(Key key, bool isForImages)
    {
        DalleEngine? engine = null;
        try
        {
            Bundle.Open(key.Folder, bundle =>
            {
                engine = new DalleEngine(bundle, key.Device);
                if (isForImages)
                    engine.Prepare();
            });
            return engine!;
        }
        catch
        {
            engine?.Dispose();
            throw;
        }
    }

    private void Release()
    {
        lock (Lock)
        {
            if (_isDisposed)
                return;
            _isDisposed = true;
            if (--_shared.References > 0)
                return;
            Engines.Remove(_shared.Key);
        }
        if (_shared.Engine.IsValueCreated)
            _shared.Engine.Value.Dispose();
    }
}
