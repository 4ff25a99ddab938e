using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Runtime;

/// <summary>Sequences whose logits are read by the host, which chooses the next ids.</summary>
internal sealed class LogitsDecodeBatch : DecodeBatch
{
    private readonly LogitsBuffer _logits;
    private readonly long[] _ids;
    private readonly OrtValue _idsTensor;

    /// <param name="session">The transformer.</param>
    /// <param name="rows">Number of sequences.</param>
    /// <param name="vocabulary">Number of logits per row.</param>
    public LogitsDecodeBatch(DecoderSession session, int rows, int vocabulary)
        : base(session, rows)
    {
        _logits = new LogitsBuffer(session.Graph.Logits, session.LogitsShape, session.Graph.LogitsOffset, rows, vocabulary);
        _ids = GC.AllocateArray<long>(rows, pinned: true);
        _idsTensor = OrtValue.CreateTensorValueFromMemory(_ids, [rows, 1]);
        BindSteps();
    }

    /// <summary>The ids of the next step, one per row.</summary>
    public Span<long> Ids => _ids;

    /// <summary>The logits after the last step or prefill, float [rows, vocabulary].</summary>
    public ReadOnlySpan<float> Logits => _logits.Values;

    /// <summary>The logits of one row, which the caller may change until the next step.</summary>
    public Span<float> LogitsOf(int row) => _logits.Values.Slice(row * _logits.Values.Length / Rows, _logits.Values.Length / Rows);

    /// <summary>The logits of the first row at a position of the last prefill, where the graph gives those of all positions.</summary>
    public ReadOnlySpan<float> LogitsAt(int position) => _logits.At(position);

    /// <summary>Clears the cache and runs the given ids of every row, [rows, sequence], in one call.</summary>
    public void Prefill(long[] ids)
    {
        var sequence = ids.Length / Rows;
        using var tensor = OrtValue.CreateTensorValueFromMemory(ids, [Rows, sequence]);
        RunPrefill(sequence, binding => binding.BindInput(Session.Graph.Ids, tensor));
        _logits.Collect();
    }

    /// <summary>Starts a row at the state of a row of another batch.</summary>
    public void CopyRow(LogitsDecodeBatch source, int from, int to)
    {
        base.CopyRow(source, from, to);
        source.LogitsOf(from).CopyTo(LogitsOf(to));
    }

    /// <summary>Appends <see cref="Ids"/> to the sequences.</summary>
    public void Decode()
    {
        RunDecode();
        _logits.Collect();
    }

    public override void Dispose()
    {
        base.Dispose();
        _logits.Dispose();
        _idsTensor.Dispose();
    }

    protected override void BindFixed(OrtIoBinding binding)
    {
        binding.BindInput(Session.Graph.Ids, _idsTensor);
        if (!_logits.RebindsEveryStep)
            _logits.Bind(binding, sequence: 1);
    }

    protected override void BindChanging(OrtIoBinding binding, int sequence)
    {
        base.BindChanging(binding, sequence);
        if (_logits.RebindsEveryStep)
            _logits.Bind(binding, sequence);
    }
}
