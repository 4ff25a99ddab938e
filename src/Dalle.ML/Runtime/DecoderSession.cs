using Dalle.ML.Models;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Runtime;

/// <summary>The transformer's session. Thread-safe: what a generation changes lives in its <see cref="DecoderBatch"/>.</summary>
internal sealed class DecoderSession(string path, DecoderGraph graph, int vocabulary, DalleDevice device) : IDisposable
{
    private readonly InferenceSession _session = OrtRuntime.CreateSession(path, device);
    private DecoderBatch? _idle;

    public DecoderGraph Graph => graph;

    /// <summary>Bytes of key-value cache that one sequence takes.</summary>
    public long CacheBytesPerRow => (long)graph.Cache.Layers * 2 * KvBuffer.RowBytes(graph.Cache);

    /// <summary>A batch that the caller keeps and disposes.</summary>
    public DecoderBatch NewBatch(int rows) => new(_session, graph, vocabulary, rows);

    /// <summary>Takes a batch for a generation of so many sequences, the idle one if it fits.</summary>
    public DecoderBatch Rent(int rows)
    {
        var idle = Interlocked.Exchange(ref _idle, null);
        if (idle?.Rows == rows)
            return idle;
        idle?.Dispose();
        return NewBatch(rows);
    }

    /// <summary>Gives a batch back. One is kept, since the next generation is mostly like the last.</summary>
    public void Return(DecoderBatch batch) => Interlocked.Exchange(ref _idle, batch)?.Dispose();

    public void Dispose()
    {
        Interlocked.Exchange(ref _idle, null)?.Dispose();
        _session.Dispose();
    }
}
