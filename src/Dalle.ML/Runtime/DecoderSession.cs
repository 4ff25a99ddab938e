using Dalle.ML.Bundles;
using Dalle.ML.Onnx;
using Dalle.ML.Runtime.Operators;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Runtime;

/// <summary>
/// The transformer's session. On a GPU its graph goes on with the <see cref="SamplingGraph"/>, so that tokens are sampled there. Thread-safe: what
/// a generation changes lives in its <see cref="DecodeBatch"/>.
/// </summary>
internal sealed class DecoderSession : IDisposable
{
    // Beyond this size the cost per row no longer falls, and only memory grows.
    private const int MaxHostRows = 64;
    private const long MaxHostBytes = 4L << 30;

    // A GPU has so much arithmetic per byte of weights that rows are nearly free up to this number.
    private const int MaxDeviceRows = 256;

    private const long MaxIdleBytes = 256L << 20;

    // Waking a thread takes longer than many operators of a step; this is the length of the gaps between them.
    private static readonly TimeSpan SpinDuration = TimeSpan.FromMicroseconds(10);

    private readonly Bundle _bundle;
    private readonly int _vocabulary;
    private readonly DalleDevice _device;
    private readonly RewrittenDecoder? _rewritten;
    private readonly InferenceSession _session;
    private readonly RunOptions _synchronous;
    private readonly RunOptions _asynchronous;
    private readonly HashSet<string> _onDevice = [];
    private readonly TensorMemory? _deviceMemory;
    private LogitsDecodeBatch? _idle;
    private LogitsDecodeBatch? _idlePrefill;

    /// <param name="bundle">The bundle.</param>
    /// <param name="graph">Its transformer.</param>
    /// <param name="device">Device to run on.</param>
    /// <param name="samplesTokens">Whether the graph samples tokens on the CPU too.</param>
    /// <param name="vocabulary">Number of ids whose logits are read; those of the image if null.</param>
    /// <exception cref="DalleBundleException">The graph cannot be used.</exception>
    /// <exception cref="DalleDeviceException">The device cannot be used.</exception>
    public DecoderSession(Bundle bundle, DecoderGraph graph, DalleDevice device, bool samplesTokens = false, int? vocabulary = null)
    {
        (_bundle, Graph, _device) = (bundle, graph, device);
        _vocabulary = vocabulary ?? bundle.Manifest.Image!.CodebookSize;
        SamplesTokens = samplesTokens || device.GpuDeviceId is not null;
        ContextNames = bundle.Manifest.TextEncoder?.Outputs ?? [];
        var threads = device with { SpinDuration = device.SpinDuration ?? SpinDuration };
        // Its tensors hold the weights of a rewritten graph.
        OrtRuntime.Start(device);
        _rewritten = device.GpuDeviceId is null ? RewrittenDecoder.Of(bundle, graph) : null;
        if (_rewritten is not null)
            Graph = graph with { Cache = _rewritten.Cache };
        var bytes = SamplesTokens ? [.. _rewritten?.Graph ?? File.ReadAllBytes(bundle.PathOf(graph.File)), .. Sampling()] : _rewritten?.Graph;
        _session = OrtRuntime.CreateSession(bundle, graph.File, threads, bytes, _rewritten?.Weights, hugePages: device.UsesHugePages && device.GpuDeviceId is null);
        (_synchronous, _asynchronous) = (new RunOptions(), NewAsynchronous());
        if (device.GpuDeviceId is { } id)
        {
            // A kernel that the device lacks runs on the CPU, and what it takes must lie there.
            foreach (var (name, info) in _session.InputNames.Zip(_session.GetMemoryInfosForInputs()))
            {
                if (info.Name == TensorMemory.Host.Info.Name)
                    continue;
                _onDevice.Add(name);
                _deviceMemory ??= TensorMemory.Of(_session, info);
            }
            MaxRows = Rows(MaxDeviceRows, Math.Min(CudaDriver.FreeBytes(id) ?? MaxHostBytes, LimitBesideWeights()) / 4 * 3);
        }
        else
        {
            MaxRows = Rows(MaxHostRows, MaxHostBytes);
        }
    }

    public DecoderGraph Graph { get; }

    /// <summary>Whether the graph samples tokens, by a <see cref="SampledDecodeBatch"/>, rather than giving logits, by a <see cref="LogitsDecodeBatch"/>.</summary>
    public bool SamplesTokens { get; }

    /// <summary>Whether the graph was rewritten to have <see cref="CachedAttentionOperator"/>.</summary>
    public bool HasOwnAttention => _rewritten?.HasOwnAttention == true;

    /// <summary>Whether calls are queued for a device; then what is bound from the host's memory may be copied at once.</summary>
    public bool IsOnDevice => _device.GpuDeviceId is not null;

    /// <summary>Held by whoever queues calls: those of one thread are carried out one after the other, those of several are not.</summary>
    public Lock Queue { get; } = new();

    /// <summary>Maximum number of sequences to run at once, by speed and by the memory available when the session was created.</summary>
    public int MaxRows { get; }

    /// <summary>The inputs that the text encoder fills, once a prompt.</summary>
    public IReadOnlyList<string> ContextNames { get; }

    /// <summary>Shape of the logits as the graph states it; −1 where it depends on the call.</summary>
    public int[] LogitsShape => _session.OutputMetadata[Graph.Logits].Dimensions;

    /// <summary>The memory of an input that is carried from call to call.</summary>
    public TensorMemory MemoryOf(string input) => _onDevice.Contains(input) ? _deviceMemory! : TensorMemory.Host;

    /// <summary>A tensor for an input of which only the batch dimension is open.</summary>
    public NativeTensor NewInput(string name, int rows, TensorMemory? memory = null)
    {
        var input = _session.InputMetadata[name];
        return new NativeTensor(memory ?? MemoryOf(name), input.ElementDataType, [rows, .. input.Dimensions.Skip(1).Select(size => (long)size)]);
    }

    /// <summary>A batch that the caller keeps and disposes.</summary>
    public LogitsDecodeBatch NewBatch(int rows) => new(this, rows, _vocabulary);

    /// <summary>A batch that samples; the caller holds the <see cref="Queue"/> and disposes it.</summary>
    /// <exception cref="DalleDeviceException">There is not enough memory for it.</exception>
    public SampledDecodeBatch NewSampledBatch(SamplingParameters parameters, double[] uniforms, long[] known, int images)
    {
        try
        {
            return new SampledDecodeBatch(this, _vocabulary, parameters, uniforms, known, images);
        }
        catch (OnnxRuntimeException exception)
        {
            throw new DalleDeviceException(_device, $"it does not have enough memory for {images} images at once. Request fewer candidates, or free memory. {exception.Message}", exception);
        }
    }

    /// <summary>
    /// Lends a batch for a number of sequences, an idle one if it fits, until the lease is disposed. One for prompts and one for what is sampled stay
    /// for the next generation, which is mostly like the last, unless they are large.
    /// </summary>
    public BatchLease Rent(int rows, bool isPrefill = false)
    {
        var idle = Interlocked.Exchange(ref Idle(isPrefill), null);
        if (idle?.Rows == rows)
            return new BatchLease(this, idle, isPrefill);
        idle?.Dispose();
        return new BatchLease(this, NewBatch(rows), isPrefill);
    }

    public OrtIoBinding NewBinding() => _session.CreateIoBinding();

    /// <exception cref="DalleBundleException">The graph fails, e.g. at an id that it has no embedding for.</exception>
    public void Run(OrtIoBinding binding) => Run(binding, _synchronous);

    /// <summary>The same, but on a GPU it only queues the work: the next call of the same thread runs behind it.</summary>
    /// <exception cref="DalleBundleException">The graph fails.</exception>
    public void Start(OrtIoBinding binding) => Run(binding, IsOnDevice ? _asynchronous : _synchronous);

    public void Dispose()
    {
        Interlocked.Exchange(ref _idle, null)?.Dispose();
        Interlocked.Exchange(ref _idlePrefill, null)?.Dispose();
        _deviceMemory?.Dispose();
        _session.Dispose();
        _rewritten?.Dispose();
        _synchronous.Dispose();
        _asynchronous.Dispose();
    }

    private void Return(LogitsDecodeBatch batch, bool isPrefill)
    {
        if (batch.Rows * Graph.Cache.BytesPerRow > MaxIdleBytes)
            batch.Dispose();
        else
            Interlocked.Exchange(ref Idle(isPrefill), batch)?.Dispose();
    }

    private ref LogitsDecodeBatch? Idle(bool isPrefill) => ref isPrefill ? ref _idlePrefill : ref _idle;

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

    /// <summary>The nodes appended to the transformer's graph.</summary>
    private byte[] Sampling()
    {
        var file = OnnxFile.Read(_bundle.PathOf(Graph.File));
        if (file.Opset < SamplingGraph.LeastOpset)
        {
            throw _bundle.Error($"the graph '{Graph.File}' uses ONNX operator set {file.Opset}; sampling on a GPU needs {SamplingGraph.LeastOpset} or later. "
                + "Export it again, or run on the CPU.");
        }
        return SamplingGraph.Continue(Graph, file.Outputs.Single(output => output.Name == Graph.Logits).Dimensions.Count, _vocabulary);
    }

    /// <summary>The number of rows that fit into memory, at most the number worth running at once.</summary>
    private int Rows(int most, long bytes)
    {
        var cache = Graph.Cache;
        var perRow = cache.BytesPerRow * (cache.Kind == CacheKind.Concat ? 2 : 1);
        var addressable = uint.MaxValue / (cache.BytesPerRow / cache.AllNames.Count());
        return Math.Max(1, (int)Math.Min(most, Math.Min(bytes / perRow, addressable)));
    }

    private long LimitBesideWeights()
    {
        if (_device.GpuMemoryLimit is not { } limit)
            return long.MaxValue;
        var weights = OnnxFile.Read(_bundle.PathOf(Graph.File)).ExternalFiles.Sum(file => new FileInfo(_bundle.PathOf(file)).Length);
        return Math.Max(0, limit - weights);
    }

    private static RunOptions NewAsynchronous()
    {
        var options = new RunOptions();
        options.AddRunConfigEntry("disable_synchronize_execution_providers", "1");
        return options;
    }

    /// <summary>A batch of a session that its holder gives back by disposing the lease.</summary>
    public readonly struct BatchLease(DecoderSession session, LogitsDecodeBatch batch, bool isPrefill) : IDisposable
    {
        public LogitsDecodeBatch Batch => batch;

        public void Dispose() => session.Return(batch, isPrefill);
    }
}
