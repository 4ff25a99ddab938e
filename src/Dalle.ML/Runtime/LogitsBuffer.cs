using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Runtime;

/// <summary>
/// The logits of the last position over the image's vocabulary, float [rows, vocabulary]. Our own graphs write them right here; those of
/// other tools may give all positions and more tokens, of which this part is taken.
/// </summary>
internal sealed class LogitsBuffer(string name, int[] graphShape, int offset, int rows, int vocabulary) : IDisposable
{
    private readonly bool _isDirect = graphShape.Length == 2 && graphShape[^1] == vocabulary;
    private readonly float[] _values = GC.AllocateArray<float>(checked(rows * vocabulary), pinned: true);
    private float[] _raw = [];
    private OrtValue? _tensor;

    public Span<float> Values => _values;

    /// <summary>Whether calls of different lengths need different tensors.</summary>
    public bool RebindsEveryStep => graphShape.Length == 3;

    /// <summary>Binds the output of a call with this number of positions.</summary>
    public void Bind(OrtIoBinding binding, int sequence)
    {
        var positions = graphShape.Length == 2 ? 1 : sequence;
        if (!_isDirect && _raw.Length != rows * positions * graphShape[^1])
        {
            _raw = GC.AllocateArray<float>(checked(rows * positions * graphShape[^1]), pinned: true);
            _tensor?.Dispose();
            _tensor = null;
        }
        _tensor ??= OrtValue.CreateTensorValueFromMemory(
            _isDirect ? _values : _raw, graphShape.Length == 2 ? [rows, graphShape[^1]] : [rows, positions, graphShape[^1]]);
        binding.BindOutput(name, _tensor);
    }

    /// <summary>The logits of the first row at a position of the last call, of a graph that gives those of all positions.</summary>
    public ReadOnlySpan<float> At(int position) => _raw.AsSpan(position * graphShape[^1] + offset, vocabulary);

    /// <summary>Called when a call is done.</summary>
    public void Collect()
    {
        if (_isDirect)
            return;
        var perRow = _raw.Length / rows;
        for (var row = 0; row < rows; row++)
            _raw.AsSpan((row + 1) * perRow - graphShape[^1] + offset, vocabulary).CopyTo(_values.AsSpan(row * vocabulary));
    }

    public void Dispose() => _tensor?.Dispose();
}
