using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Runtime;

/// <summary>
/// The key-value cache of some sequences of equal length, and the buffers around it. All are bound to the session once; a step only
/// changes what they hold. For one thread at a time.
/// </summary>
internal sealed class DecoderBatch : IDisposable
{
    private readonly DecoderSession _session;
    private readonly KvBuffer[] _cache;
    private readonly int[] _totalLength = GC.AllocateArray<int>(1, pinned: true);
    private readonly long[] _ids;
    private readonly float[] _logits;
    private readonly OrtValue _totalLengthTensor;
    private readonly OrtValue _idsTensor;
    private readonly OrtValue _logitsTensor;
    private readonly bool _copiesInputs;
    private readonly OrtIoBinding _step;

    /// <param name="session">The transformer.</param>
    /// <param name="rows">Number of sequences.</param>
    /// <param name="vocabulary">Number of logits a row.</param>
    /// <param name="copiesInputs">Whether binding an input copies it to a device, so that every change must be bound again.</param>
    public DecoderBatch(DecoderSession session, int rows, int vocabulary, bool copiesInputs)
    {
        (_session, Rows, _copiesInputs) = (session, rows, copiesInputs);
        _cache = [.. Enumerable.Range(0, session.Graph.Cache.Layers * 2).Select(_ => new KvBuffer(session.Graph.Cache, rows))];
        _ids = GC.AllocateArray<long>(rows, pinned: true);
        _logits = GC.AllocateArray<float>(checked(rows * vocabulary), pinned: true);
        _totalLengthTensor = OrtValue.CreateTensorValueFromMemory(_totalLength, [1]);
        _idsTensor = OrtValue.CreateTensorValueFromMemory(_ids, [rows, 1]);
        _logitsTensor = OrtValue.CreateTensorValueFromMemory(_logits, [rows, vocabulary]);
        _step = _session.NewBinding();
        BindInputs(_step, _idsTensor);
        BindOutputs(_step);
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
        using var binding = _session.NewBinding();
        BindInputs(binding, tensor);
        BindOutputs(binding);
        _session.Run(binding);
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
        if (_copiesInputs)
            BindInputs(_step, _idsTensor);
        _session.Run(_step);
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

    private void BindInputs(OrtIoBinding binding, OrtValue ids)
    {
        binding.BindInput(_session.Graph.Ids, ids);
        binding.BindInput(_session.Graph.TotalLength, _totalLengthTensor);
        foreach (var ((past, _), buffer) in CacheNames().Zip(_cache))
            binding.BindInput(past, buffer.Tensor);
    }

    private void BindOutputs(OrtIoBinding binding)
    {
        binding.BindOutput(_session.Graph.Logits, _logitsTensor);
        foreach (var ((_, present), buffer) in CacheNames().Zip(_cache))
            binding.BindOutput(present, buffer.Tensor);
    }

    private IEnumerable<(string Past, string Present)> CacheNames() =>
        Enumerable.Range(0, _session.Graph.Cache.Layers).SelectMany(_session.Graph.Cache.Names);
}
