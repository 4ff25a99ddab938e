using Dalle.ML.Runtime.Operators;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Runtime;

/// <summary>
/// Sequences of equal length in the transformer: their cache, what they attend to, and the tensors carried from call to call. Memory that stays in place
/// is bound to the session once; a call only changes its content. Not thread-safe.
/// </summary>
internal abstract class DecodeBatch : IDisposable
{
    private readonly KvCache _cache;
    private readonly int[] _totalLength = GC.AllocateArray<int>(1, pinned: true);
    private readonly OrtValue _totalLengthTensor;

    // Per row a row that began as a copy of the same one, and how many positions that had.
    private readonly int[] _shared;
    private readonly OrtValue _sharedTensor;
    private readonly (DecodeBatch? Batch, int Row, int Prefills)[] _origins;
    private int _prefills;
    private readonly List<OrtValue> _positions = [];
    private readonly List<(string Past, string Present, NativeTensor[] Buffers)> _carried = [];
    private readonly List<NativeTensor> _zeros = [];
    private OrtIoBinding[] _bindings = [];
    private int _turn;

    protected DecodeBatch(DecoderSession session, int rows)
    {
        (Session, Rows) = (session, rows);
        _cache = KvCache.Create(session.MemoryOf(session.Graph.Cache.Names(0).First().Past), session.Graph.Cache, rows, session.HasOwnAttention);
        Context = [.. session.ContextNames.Select(name => session.NewInput(name, rows))];
        foreach (var (past, present) in session.Graph.State?.Names ?? [])
        {
            CarryState(past, present, () => session.NewInput(past, rows));
            _zeros.Add(session.NewInput(past, rows, TensorMemory.Host));
        }
        _totalLengthTensor = OrtValue.CreateTensorValueFromMemory(_totalLength, [1]);
        _shared = GC.AllocateArray<int>(2 * rows, pinned: true);
        _sharedTensor = OrtValue.CreateTensorValueFromMemory(_shared, [rows, 2]);
        _origins = new (DecodeBatch?, int, int)[rows];
    }

    public int Rows { get; }

    /// <summary>Number of positions that the cache holds, the same in every row.</summary>
    public int Length => _totalLength[0];

    /// <summary>The context of the rows besides their own ids: the text encoder's outputs, in the order of their names.</summary>
    public IReadOnlyList<NativeTensor> Context { get; }

    protected DecoderSession Session { get; }

    public virtual void Dispose()
    {
        foreach (var binding in _bindings)
        {
            Finish(binding);
            binding.Dispose();
        }
        _cache.Dispose();
        _totalLengthTensor.Dispose();
        _sharedTensor.Dispose();
        DisposePositions();
        foreach (var buffer in Context.Concat(_zeros).Concat(_carried.SelectMany(carried => carried.Buffers)))
            buffer.Dispose();
    }

    /// <summary>A tensor that each call takes from the call before.</summary>
    protected void CarryState(string past, string present, Func<NativeTensor> buffer) => _carried.Add((past, present, [buffer(), buffer()]));

    /// <summary>Binds the steps, once the batch is made; carried tensors alternate between two buffers.</summary>
    protected void BindSteps()
    {
        _bindings = [.. Enumerable.Range(0, _carried.Count == 0 ? 1 : 2).Select(turn =>
        {
            _turn = turn;
            return NewBinding();
        })];
    }

    /// <summary>Clears the cache and runs the given number of ids of every row in one call.</summary>
    /// <param name="sequence">Number of ids per row.</param>
    /// <param name="bind">Binds the ids, and anything else for this call only.</param>
    protected void RunPrefill(int sequence, Action<OrtIoBinding> bind)
    {
        (_totalLength[0], _turn) = (sequence, 0);
        _prefills++;
        Array.Clear(_shared);
        Array.Clear(_origins);
        using var binding = NewBinding();
        foreach (var (carried, zero) in _carried.Zip(_zeros))
            binding.BindInput(carried.Past, zero.Value);
        bind(binding);
        BindChanging(binding, sequence);
        Session.Run(binding);
    }

    /// <summary>Appends an id to every row.</summary>
    /// <param name="bind">Adds bindings for this call only; such calls complete before returning, others may still run on the device.</param>
    protected void RunDecode(Action<OrtIoBinding>? bind = null)
    {
        _totalLength[0]++;
        _turn = (_turn + 1) % _bindings.Length;
        if (bind is null)
        {
            BindChanging(_bindings[_turn], sequence: 1);
            Session.Start(_bindings[_turn]);
        }
        else
        {
            using var binding = NewBinding();
            bind(binding);
            BindChanging(binding, sequence: 1);
            Session.Run(binding);
        }
    }

    /// <summary>Starts a row at the state of a row of another batch; both are in the host's memory.</summary>
    protected void CopyRow(DecodeBatch source, int from, int to)
    {
        _cache.CopyRow(source._cache, from, to, source.Length);
        foreach (var (mine, other) in Context.Zip(source.Context))
            mine.CopyRow(other, from, to);
        foreach (var (mine, other) in _carried.Zip(source._carried))
            mine.Buffers[_turn].CopyRow(other.Buffers[source._turn], from, to);
        _totalLength[0] = source.Length;
        _origins[to] = (source, from, source._prefills);
        (_shared[2 * to], _shared[2 * to + 1]) = (Array.IndexOf(_origins, _origins[to]), source.Length);
    }

    /// <summary>Binds what stays the same from call to call.</summary>
    protected abstract void BindFixed(OrtIoBinding binding);

    /// <summary>Binds what differs from call to call.</summary>
    protected virtual void BindChanging(OrtIoBinding binding, int sequence)
    {
        if (Session.Graph.TotalLength is { } totalLength && Session.IsOnDevice)
            binding.BindInput(totalLength, _totalLengthTensor);
        if (_cache.RebindsEveryStep)
            _cache.Bind(binding, Length - sequence, Length);
        BindPositions(binding, sequence);
    }

    /// <summary>Waits for calls that are still queued, since their buffers are about to be freed.</summary>
    private void Finish(OrtIoBinding binding)
    {
        if (!Session.IsOnDevice)
            return;
        try
        {
            binding.SynchronizeBoundOutputs();
        }
        catch (OnnxRuntimeException)
        {
            // A device that has failed reports it at every call; the first report was handled.
        }
    }

    private OrtIoBinding NewBinding()
    {
        var binding = Session.NewBinding();
        if (Session.Graph.TotalLength is { } totalLength)
            binding.BindInput(totalLength, _totalLengthTensor);
        if (Session.HasOwnAttention)
            binding.BindInput(AttentionRewrite.Shared, _sharedTensor);
        foreach (var (name, buffer) in Session.ContextNames.Zip(Context))
            binding.BindInput(name, buffer.Value);
        foreach (var (past, present, buffers) in _carried)
        {
            binding.BindInput(past, buffers[1 - _turn].Value);
            binding.BindOutput(present, buffers[_turn].Value);
        }
        if (!_cache.RebindsEveryStep)
            _cache.Bind(binding, past: 0, Length);
        BindFixed(binding);
        return binding;
    }

    /// <summary>Positions and mask, which graphs of other tools take at every call.</summary>
    private void BindPositions(OrtIoBinding binding, int sequence)
    {
        DisposePositions();
        if (Session.Graph.Positions is { } positions)
            BindRows(positions, [.. Enumerable.Range(Length - sequence, sequence).Select(position => (long)position)]);
        if (Session.Graph.AttentionMask is { } mask)
            BindRows(mask, [.. Enumerable.Repeat(1L, Length)]);

        void BindRows(string name, long[] row)
        {
            var tensor = OrtValue.CreateTensorValueFromMemory(Enumerable.Repeat(row, Rows).SelectMany(value => value).ToArray(), [Rows, row.Length]);
            _positions.Add(tensor);
            binding.BindInput(name, tensor);
        }
    }

    private void DisposePositions()
    {
        _positions.ForEach(tensor => tensor.Dispose());
        _positions.Clear();
    }
}
