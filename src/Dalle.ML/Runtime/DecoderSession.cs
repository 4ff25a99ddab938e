using Dalle.ML.Generation;
using Dalle.ML.Models;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Runtime;

/// <summary>
/// The transformer's session. On a GPU its graph goes on with the <see cref="SamplingGraph"/>, so that tokens are drawn there. Thread-safe: what
/// a generation changes lives in its <see cref="DecoderBatch"/>.
/// </summary>
internal sealed class DecoderSession : IDisposable
{
    // Beyond this a step costs the processor as much a row as a batch of this size, and only memory grows.
    private const int MaxHostRows = 64;
    private const long MaxHostBytes = 4L << 30;

    // A GPU has so much arithmetic to a byte of weights that rows are nearly free up to here.
    private const int MaxDeviceRows = 256;

    private const long MaxIdleBytes = 256L << 20;

    private static readonly RunOptions Synchronous = new();
    private static readonly RunOptions Asynchronous = NewAsynchronous();

    private readonly Bundle _bundle;
    private readonly DalleDevice _device;
    private readonly InferenceSession _session;
    private LogitsBatch? _idle;
    private LogitsBatch? _idleRow;

    /// <param name="bundle">The bundle.</param>
    /// <param name="graph">Its transformer.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="drawsTokens">Whether the graph draws tokens rather than giving logits; if null, on a GPU only.</param>
    public DecoderSession(Bundle bundle, DecoderGraph graph, DalleDevice device, bool? drawsTokens = null)
    {
        (_bundle, Graph, _device) = (bundle, graph, device);
        DrawsTokens = drawsTokens ?? CopiesInputs;
        ContextNames = bundle.Manifest.TextEncoder?.Outputs ?? [];
        if (DrawsTokens)
        {
            var logits = OnnxFile.Read(bundle.PathOf(graph.File)).Outputs.Single(output => output.Name == graph.Logits);
            var sampling = SamplingGraph.Continue(graph, logits.Dimensions.Count, Vocabulary);
            _session = OrtRuntime.CreateSession(bundle, graph.File, device, sampling);
            Memory = TensorMemory.Of(_session, device.GpuDeviceId);
        }
        else
        {
            _session = OrtRuntime.CreateSession(bundle, graph.File, device);
            Memory = TensorMemory.Host;
        }
    }

    public DecoderGraph Graph { get; }

    /// <summary>Whether the graph draws tokens, by a <see cref="DrawingBatch"/>, rather than giving logits, by a <see cref="LogitsBatch"/>.</summary>
    public bool DrawsTokens { get; }

    /// <summary>Whether what is bound from the host's memory is copied then, so that a change must be bound again.</summary>
    public bool CopiesInputs => _device.GpuDeviceId is not null;

    /// <summary>Where what goes from call to call lies.</summary>
    public TensorMemory Memory { get; }

    /// <summary>The inputs that the text encoder fills, once a prompt.</summary>
    public IReadOnlyList<string> ContextNames { get; }

    /// <summary>Shape of the logits as the graph states it; −1 where it depends on the call.</summary>
    public int[] LogitsShape => _session.OutputMetadata[Graph.Logits].Dimensions;

    /// <summary>The most sequences to run at once, by what it would gain and by the memory that there is.</summary>
    public int MaxRows
    {
        get
        {
            var (rows, bytes) = _device.GpuDeviceId is { } id && CudaDriver.FreeBytes(id) is { } free
                ? (MaxDeviceRows, Math.Min(free, _device.GpuMemoryLimit ?? long.MaxValue) / 4 * 3)
                : (MaxHostRows, MaxHostBytes);
            return Math.Max(1, (int)Math.Min(rows, bytes / Graph.Cache.BytesPerRow));
        }
    }

    private int Vocabulary => _bundle.Manifest.Image!.Vocabulary;

    /// <summary>A tensor for an input whose axes but the first are fixed.</summary>
    public NativeTensor NewInput(string name, int rows, TensorMemory? memory = null)
    {
        var input = _session.InputMetadata[name];
        return new NativeTensor(memory ?? Memory, input.ElementDataType, [rows, .. input.Dimensions.Skip(1).Select(size => (long)size)]);
    }

    /// <summary>A batch that the caller keeps and disposes.</summary>
    public LogitsBatch NewBatch(int rows) => new(this, rows, Vocabulary);

    /// <summary>Takes a batch for so many sequences, an idle one if it fits.</summary>
    public LogitsBatch Rent(int rows)
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
    public void Return(LogitsBatch batch)
    {
        if (batch.Rows * Graph.Cache.BytesPerRow > MaxIdleBytes)
            batch.Dispose();
        else
            Interlocked.Exchange(ref Idle(batch.Rows), batch)?.Dispose();
    }

    public OrtIoBinding NewBinding() => _session.CreateIoBinding();

    /// <exception cref="DalleBundleException">The graph fails, e.g. at an id that it has no embedding for.</exception>
    public void Run(OrtIoBinding binding) => Run(binding, Synchronous);

    /// <summary>The same, but on a GPU it only queues the work: the next call finds it done.</summary>
    /// <exception cref="DalleBundleException">The graph fails.</exception>
    public void Start(OrtIoBinding binding) => Run(binding, CopiesInputs ? Asynchronous : Synchronous);

    public void Dispose()
    {
        Interlocked.Exchange(ref _idle, null)?.Dispose();
        Interlocked.Exchange(ref _idleRow, null)?.Dispose();
        _session.Dispose();
    }

    private ref LogitsBatch? Idle(int rows) => ref rows == 1 ? ref _idleRow : ref _idle;

    private void Run(OrtIoBinding binding, RunOptions options)
    {
        try
        {
            _session.RunWithBinding(options, binding);
        }
        catch (OnnxRuntimeException exception)
        {
            throw _bundle.Error($"the graph '{Graph.File}' failed: {exception.Message}", exception);
        }
    }

    private static RunOptions NewAsynchronous()
    {
        var options = new RunOptions();
        options.AddRunConfigEntry("disable_synchronize_execution_providers", "1");
        return options;
    }
}
