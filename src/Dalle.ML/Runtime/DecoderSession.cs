using Dalle.ML.Models;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Runtime;

/// <summary>The transformer's session. Thread-safe: what a generation changes lives in its <see cref="DecoderBatch"/>.</summary>
internal sealed class DecoderSession(Bundle bundle, DecoderGraph graph, DalleDevice device) : IDisposable
{
    private const long MaxIdleBytes = 256L << 20;
    private static readonly RunOptions Defaults = new();

    private readonly InferenceSession _session = OrtRuntime.CreateSession(bundle, graph.File, device);
    private DecoderBatch? _idle;
    private DecoderBatch? _idleRow;

    public DecoderGraph Graph => graph;

    /// <summary>The inputs that the text encoder fills, once a prompt.</summary>
    public IReadOnlyList<string> ContextNames { get; } = bundle.Manifest.TextEncoder?.Outputs ?? [];

    /// <summary>Shape of the logits as the graph states it; −1 where it depends on the call.</summary>
    public int[] LogitsShape => _session.OutputMetadata[graph.Logits].Dimensions;

    /// <summary>A zeroed tensor for an input whose axes but the first are fixed.</summary>
    public NativeTensor NewInput(string name, int rows)
    {
        var input = _session.InputMetadata[name];
        return new NativeTensor(input.ElementDataType, [rows, .. input.Dimensions.Skip(1).Select(size => (long)size)]);
    }

    /// <summary>A batch that the caller keeps and disposes.</summary>
    public DecoderBatch NewBatch(int rows) => new(this, rows, bundle.Manifest.Image!.Vocabulary, copiesInputs: device.GpuDeviceId is not null);

    /// <summary>Takes a batch for so many sequences, an idle one if it fits.</summary>
    public DecoderBatch Rent(int rows)
    {
        var idle = Interlocked.Exchange(ref Idle(rows), null);
        if (idle?.Rows == rows)
            return idle;
        idle?.Dispose();
        return NewBatch(rows);
    }

    /// <summary>
    /// Gives a batch back. One for a prompt and one for what is drawn are kept, unless they are large, since the next generation is mostly like
    /// the last.
    /// </summary>
    public void Return(DecoderBatch batch)
    {
        if (batch.Rows * graph.Cache.BytesPerRow > MaxIdleBytes)
            batch.Dispose();
        else
            Interlocked.Exchange(ref Idle(batch.Rows), batch)?.Dispose();
    }

    public OrtIoBinding NewBinding() => _session.CreateIoBinding();

    /// <exception cref="DalleBundleException">The graph fails, e.g. at an id that it has no embedding for.</exception>
    public void Run(OrtIoBinding binding)
    {
        try
        {
            _session.RunWithBinding(Defaults, binding);
        }
        catch (OnnxRuntimeException exception)
        {
            throw bundle.Error($"the graph '{graph.File}' failed: {exception.Message}", exception);
        }
    }

    public void Dispose()
    {
        Interlocked.Exchange(ref _idle, null)?.Dispose();
        Interlocked.Exchange(ref _idleRow, null)?.Dispose();
        _session.Dispose();
    }

    private ref DecoderBatch? Idle(int rows) => ref rows == 1 ? ref _idleRow : ref _idle;
}
