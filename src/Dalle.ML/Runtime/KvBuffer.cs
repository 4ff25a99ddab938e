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
    private readonly Memory _memory;

    public KvBuffer(KeyValueCache shape, int rows)
    {
        _shape = shape;
        var bytes = checked((long)shape.Heads * shape.Capacity * shape.HeadSize * sizeof(float) * rows);
        _memory = new Memory((nuint)bytes);
        Tensor = OrtValue.CreateTensorValueWithData(
            OrtMemoryInfo.DefaultInstance, TensorElementType.Float, [rows, shape.Heads, shape.Capacity, shape.HeadSize], _memory.DangerousGetHandle(), bytes);
    }

    public OrtValue Tensor { get; }

    private float* Values => (float*)_memory.DangerousGetHandle();

    /// <summary>Copies the first positions of another buffer's only row to a row of this one.</summary>
    public void CopyRow(KvBuffer source, int row, int positions)
    {
        var head = (long)_shape.Capacity * _shape.HeadSize;
        var length = positions * _shape.HeadSize;
        for (var h = 0; h < _shape.Heads; h++)
        {
            var target = Values + (row * (long)_shape.Heads + h) * head;
            new ReadOnlySpan<float>(source.Values + h * head, length).CopyTo(new Span<float>(target, length));
        }
    }

    public void Dispose()
    {
        Tensor.Dispose();
        _memory.Dispose();
    }

    /// <summary>Freed by the collector where an error keeps the buffer from being finished.</summary>
    private sealed class Memory : SafeHandle
    {
        public Memory(nuint bytes)
            : base(IntPtr.Zero, ownsHandle: true) => SetHandle((IntPtr)NativeMemory.AllocZeroed(bytes));

        public override bool IsInvalid => handle == IntPtr.Zero;

        protected override bool ReleaseHandle()
        {
            NativeMemory.Free((void*)handle);
            return true;
        }
    }
}
