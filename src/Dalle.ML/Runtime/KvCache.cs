using Dalle.ML.Bundles;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Dalle.ML.Runtime;

/// <summary>The keys and values of all layers for some sequences of equal length.</summary>
internal abstract class KvCache : IDisposable
{
    protected KvCache(KeyValueCache shape) => Layout = shape;

    /// <summary>Whether every call needs different tensors.</summary>
    public abstract bool RebindsEveryStep { get; }

    protected KeyValueCache Layout { get; }

    public static KvCache Create(TensorMemory memory, KeyValueCache shape, int rows, bool positionsFirst) =>
        shape.Kind == CacheKind.Shared ? new SharedBufferKvCache(memory, shape, rows, positionsFirst) : new ConcatenatedKvCache(memory, shape, rows);

    /// <summary>Binds past and present for a call that brings the sequences from one length to another.</summary>
    public abstract void Bind(OrtIoBinding binding, int past, int total);

    /// <summary>Copies the first positions of a row of another cache of this kind; both are in the host's memory.</summary>
    public abstract void CopyRow(KvCache source, int from, int to, int positions);

    public abstract void Dispose();

    protected static TensorElementType TypeOf(KeyValueCache shape) =>
        shape.Type == CacheType.Float16 ? TensorElementType.Float16 : TensorElementType.Float;
}
