using System.Runtime.InteropServices;
using Dalle.ML.Models;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Dalle.ML.Runtime;

/// <summary>
/// The keys or values of one layer, float [rows, heads, capacity, head size], as one tensor that is past and present at once.
/// The memory is zeroed: positions that no sequence has reached take part in no product, but not-a-number would spread from them.
/// </summary>
internal sealed unsafe class KvBuffer : IDisposable
{
    private readonly KeyValueCache _shape;
    private readonly float* _memory;

    public KvBuffer(KeyValueCache shape, int rows)
    {
        _shape = shape;
        var bytes = checked((nuint)RowBytes(shape) * (nuint)rows);
        _memory = (float*)NativeMemory.AllocZeroed(bytes);
        Tensor = OrtValue.CreateTensorValueWithData(
            OrtMemoryInfo.DefaultInstance, TensorElementType.Float, [rows, shape.Heads, shape.Capacity, shape.HeadSize], (IntPtr)_memory, (long)bytes);
    }

    public OrtValue Tensor { get; }

    public static long RowBytes(KeyValueCache shape) => (long)shape.Heads * shape.Capacity * shape.HeadSize * sizeof(float);

    /// <summary>Copies the first positions of another buffer's only row to a row of this one.</summary>
    public void CopyRow(KvBuffer source, int row, int positions)
    {
        var head = (long)_shape.Capacity * _shape.HeadSize;
        var length = positions * _shape.HeadSize;
        for (var h = 0; h < _shape.Heads; h++)
        {
            var target = _memory + (row * (long)_shape.Heads + h) * head;
            new ReadOnlySpan<float>(source._memory + h * head, length).CopyTo(new Span<float>(target, length));
        }
    }

    public void Dispose()
    {
        Tensor.Dispose();
        NativeMemory.Free(_memory);
    }
}
