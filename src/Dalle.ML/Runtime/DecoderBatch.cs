using Dalle.ML.Models;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Runtime;

/// <summary>
/// The key-value cache of some sequences of equal length, and the buffers around it. All are bound to the session once; a step only
/// changes what they hold. For one thread at a time.
/// </summary>
internal sealed class DecoderBatch : IDisposable
{
    private static readonly RunOptions Defaults = new();

    private readonly InferenceSession _session;
    private readonly DecoderGraph _graph;
    private readonly KvBuffer[] _cache;
    private readonly int[] _totalLength = GC.AllocateArray<int>(1, pinned: true);
    private readonly long[] _ids;
    private readonly float[] _logits;
    private readonly OrtValue _totalLengthTensor;
    private readonly OrtValue _idsTensor;
    private readonly OrtValue _logitsTensor;
    private readonly OrtIoBinding _step;

    public DecoderBatch(InferenceSession session, DecoderGraph graph, int vocabulary, int rows)
    {
        (_session, _graph, Rows) = (session, graph, rows);
        _cache = [.. Enumerable.Range(0, graph.Cache.Layers * 2).Select(_ => new KvBuffer(graph.Cache, rows))];
        _ids = GC.AllocateArray<long>(rows, pinned: true);
        _logits = GC.AllocateArray<float>(rows * vocabulary, pinned: true);
        _totalLengthTensor = OrtValue.CreateTensorValueFromMemory(_totalLength, [1]);
        _idsTensor = OrtValue.CreateTensorValueFromMemory(_ids, [rows, 1]);
        _logitsTensor = OrtValue.CreateTensorValueFromMemory(_logits, [rows, vocabulary]);
        _step = Bind(_idsTensor);
    }

    public int Rows { get; }

    /// <summary>Number of positions that the cache holds, the same in every row.</summary>
    public int Length => _totalLength[0];

    /// <summary>The ids of the next step, one a row.</summary>
    public Span<long> Ids => _ids;

    /// <summary>The logits after the last step or prefill, float [rows, vocabulary].</summary>
    public ReadOnlySpan<float> Logits => _logits;

    /// <summary>Forgets what was cached and runs the given ids of every row, [rows, sequence], in one go.</summary>
    public void Prefill(long[] ids)
    {
        _totalLength[0] = ids.Length / Rows;
        using var tensor = OrtValue.CreateTensorValueFromMemory(ids, [Rows, _totalLength[0]]);
        using var binding = Bind(tensor);
        _session.RunWithBinding(Defaults, binding);
    }

    /// <summary>Starts a row where a prefilled batch of one row stands.</summary>
    public void CopyRow(DecoderBatch prefix, int row)
    {
        for (var i = 0; i < _cache.Length; i++)
            _cache[i].CopyRow(prefix._cache[i], row, prefix.Length);
        _totalLength[0] = prefix.Length;
        prefix._logits.CopyTo(_logits, row * prefix._logits.Length);
    }

    /// <summary>Appends <see cref="Ids"/> to the sequences.</summary>
    public void Step()
    {
        _totalLength[0]++;
        _session.RunWithBinding(Defaults, _step);
    }

    public void Dispose()
    {
        _step.Dispose();
        foreach (var buffer in _cache)
            buffer.Dispose();
        _totalLengthTensor.Dispose();
        _idsTensor.Dispose();
        _logitsTensor.Dispose();
    }

    private OrtIoBinding Bind(OrtValue ids)
    {
        var binding = _session.CreateIoBinding();
        binding.BindInput(_graph.Ids, ids);
        binding.BindInput(_graph.TotalLength, _totalLengthTensor);
        binding.BindOutput(_graph.Logits, _logitsTensor);
        for (var layer = 0; layer < _graph.Cache.Layers; layer++)
        {
            foreach (var (tensor, (past, present)) in _cache[(2 * layer)..(2 * layer + 2)].Zip(_graph.Cache.Names(layer)))
            {
                binding.BindInput(past, tensor.Tensor);
                binding.BindOutput(present, tensor.Tensor);
            }
        }
        return binding;
    }
}
