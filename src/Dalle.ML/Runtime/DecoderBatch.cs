using Dalle.ML.Models;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Runtime;

/// <summary>
/// Some sequences of equal length in the transformer: their cache, what they attend to, and the buffers around it. What keeps its place is
/// bound to the session once; a step only changes what it holds. For one thread at a time.
/// </summary>
internal sealed class DecoderBatch : IDisposable
{
    private readonly DecoderSession _session;
    private readonly DecoderGraph _graph;
    private readonly KvCache _cache;
    private readonly NativeTensor[] _context;
    private readonly LogitsBuffer _logits;
    private readonly int[] _totalLength = GC.AllocateArray<int>(1, pinned: true);
    private readonly long[] _ids;
    private readonly OrtValue _totalLengthTensor;
    private readonly OrtValue _idsTensor;
    private readonly bool _rebinds;
    private readonly List<OrtValue> _positions = [];
    private OrtIoBinding _step;
    private OrtIoBinding _nextStep;
    private NativeTensor[] _pastState;
    private NativeTensor[] _presentState;

    /// <param name="session">The transformer.</param>
    /// <param name="rows">Number of sequences.</param>
    /// <param name="vocabulary">Number of logits a row.</param>
    /// <param name="copiesInputs">Whether binding an input copies it to a device, so that every change must be bound again.</param>
    public DecoderBatch(DecoderSession session, int rows, int vocabulary, bool copiesInputs)
    {
        (_session, _graph, Rows) = (session, session.Graph, rows);
        _cache = KvCache.Create(_graph.Cache, rows);
        _context = [.. session.ContextNames.Select(name => session.NewInput(name, rows))];
        _pastState = StateBuffers();
        _presentState = StateBuffers();
        _logits = new LogitsBuffer(_graph.Logits, session.LogitsShape, _graph.LogitsOffset, rows, vocabulary);
        _ids = GC.AllocateArray<long>(rows, pinned: true);
        _totalLengthTensor = OrtValue.CreateTensorValueFromMemory(_totalLength, [1]);
        _idsTensor = OrtValue.CreateTensorValueFromMemory(_ids, [rows, 1]);
        _step = _session.NewBinding();
        _nextStep = _graph.State is null ? _step : _session.NewBinding();
        _rebinds = copiesInputs || _cache.Moves || _graph.Positions is not null || _graph.AttentionMask is not null;
        if (_rebinds)
            return;
        Bind(_step, _idsTensor, sequence: 1);
        TakeTurns();
        Bind(_step, _idsTensor, sequence: 1);
    }

    public int Rows { get; }

    /// <summary>Number of positions that the cache holds, the same in every row.</summary>
    public int Length => _totalLength[0];

    /// <summary>The ids of the next step, one a row.</summary>
    public Span<long> Ids => _ids;

    /// <summary>The logits after the last step or prefill, float [rows, vocabulary].</summary>
    public ReadOnlySpan<float> Logits => _logits.Values;

    /// <summary>Those of one row, to be changed at will until the next step.</summary>
    public Span<float> LogitsOf(int row) => _logits.Values.Slice(row * _logits.Values.Length / Rows, _logits.Values.Length / Rows);

    /// <summary>What the only row attends to besides its stream: the text encoder's outputs, in the order of their names.</summary>
    public void SetContext(IReadOnlyList<OrtValue> context)
    {
        foreach (var (buffer, value) in _context.Zip(context))
            buffer.Fill(value);
    }

    /// <summary>Forgets what was cached and runs the given ids of every row, [rows, sequence], in one go.</summary>
    public void Prefill(long[] ids)
    {
        var sequence = ids.Length / Rows;
        _totalLength[0] = sequence;
        foreach (var state in _presentState)
            state.Clear();
        TakeTurns();
        using var tensor = OrtValue.CreateTensorValueFromMemory(ids, [Rows, sequence]);
        using var binding = _session.NewBinding();
        Bind(binding, tensor, sequence);
        _session.Run(binding);
        _logits.Collect();
    }

    /// <summary>Starts a row where a prefilled batch of one row stands.</summary>
    public void CopyRow(DecoderBatch prefix, int row)
    {
        _cache.CopyRow(prefix._cache, row, prefix.Length);
        foreach (var (target, source) in _context.Concat(_presentState).Zip(prefix._context.Concat(prefix._presentState)))
            target.CopyRow(source, row);
        _totalLength[0] = prefix.Length;
        prefix.Logits.CopyTo(_logits.Values[(row * prefix.Logits.Length)..]);
    }

    /// <summary>Appends <see cref="Ids"/> to the sequences.</summary>
    public void Step()
    {
        _totalLength[0]++;
        TakeTurns();
        if (_rebinds)
            Bind(_step, _idsTensor, sequence: 1);
        _session.Run(_step);
        _logits.Collect();
    }

    public void Dispose()
    {
        _step.Dispose();
        _nextStep.Dispose();
        _cache.Dispose();
        _logits.Dispose();
        _totalLengthTensor.Dispose();
        _idsTensor.Dispose();
        DisposePositions();
        foreach (var buffer in _context.Concat(_pastState).Concat(_presentState))
            buffer.Dispose();
    }

    private void Bind(OrtIoBinding binding, OrtValue ids, int sequence)
    {
        binding.BindInput(_graph.Ids, ids);
        if (_graph.TotalLength is { } totalLength)
            binding.BindInput(totalLength, _totalLengthTensor);
        foreach (var (name, buffer) in _session.ContextNames.Zip(_context))
            binding.BindInput(name, buffer.Value);
        _cache.Bind(binding, Length - sequence, Length);
        BindState(binding);
        BindPositions(binding, sequence);
        _logits.Bind(binding, sequence);
    }

    /// <summary>What the last call gave is what the next one takes.</summary>
    private void TakeTurns()
    {
        (_pastState, _presentState) = (_presentState, _pastState);
        (_step, _nextStep) = (_nextStep, _step);
    }

    private void BindState(OrtIoBinding binding)
    {
        if (_graph.State is null)
            return;
        foreach (var ((past, present), (input, output)) in _graph.State.Names.Zip(_pastState.Zip(_presentState)))
        {
            binding.BindInput(past, input.Value);
            binding.BindOutput(present, output.Value);
        }
    }

    /// <summary>Places and mask, which graphs of other tools are told at every call.</summary>
    private void BindPositions(OrtIoBinding binding, int sequence)
    {
        DisposePositions();
        if (_graph.Positions is { } positions)
            BindRows(positions, [.. Enumerable.Range(Length - sequence, sequence).Select(position => (long)position)]);
        if (_graph.AttentionMask is { } mask)
            BindRows(mask, [.. Enumerable.Repeat(1L, Length)]);

        void BindRows(string name, long[] row)
        {
            var tensor = OrtValue.CreateTensorValueFromMemory(Enumerable.Repeat(row, Rows).SelectMany(value => value).ToArray(), [Rows, row.Length]);
            _positions.Add(tensor);
            binding.BindInput(name, tensor);
        }
    }

    private NativeTensor[] StateBuffers() => _graph.State is { } state ? [.. state.Names.Select(name => _session.NewInput(name.Past, Rows))] : [];

    private void DisposePositions()
    {
        _positions.ForEach(tensor => tensor.Dispose());
        _positions.Clear();
    }
}
