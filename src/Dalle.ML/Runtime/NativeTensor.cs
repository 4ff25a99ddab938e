using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Dalle.ML.Runtime;

/// <summary>
/// A tensor in native memory that stays where it is; its first axis is that of the batch. It is zeroed: what no sequence has reached takes
/// part in no product, but not-a-number would spread from it.
/// </summary>
internal sealed unsafe class NativeTensor : IDisposable
{
    private readonly TensorElementType _type;
    private readonly Memory _memory;
    private readonly long _bytes;

    public NativeTensor(TensorElementType type, params long[] shape)
    {
        var size = type switch
        {
            TensorElementType.Float => sizeof(float),
            TensorElementType.Float16 => sizeof(ushort),
            _ => throw new NotSupportedException($"A decoder's tensors are floats or halves, not {type}."),
        };
        (_type, Shape) = (type, shape);
        _bytes = shape.Aggregate((long)size, (product, axis) => checked(product * axis));
        ElementSize = size;
        _memory = new Memory((nuint)_bytes);
        Value = View(shape);
    }

    public IReadOnlyList<long> Shape { get; }

    public int ElementSize { get; }

    /// <summary>The whole of it.</summary>
    public OrtValue Value { get; }

    private byte* Bytes => (byte*)_memory.DangerousGetHandle();

    /// <summary>The beginning of the memory under another shape; the caller disposes it.</summary>
    public OrtValue View(params long[] shape) => OrtValue.CreateTensorValueWithData(
        OrtMemoryInfo.DefaultInstance, _type, shape, _memory.DangerousGetHandle(), shape.Aggregate((long)ElementSize, (product, axis) => product * axis));

    /// <summary>Copies a run of elements from another tensor of the same type.</summary>
    public void Copy(NativeTensor source, long from, long to, long count) =>
        Buffer.MemoryCopy(source.Bytes + from * ElementSize, Bytes + to * ElementSize, _bytes - to * ElementSize, count * ElementSize);

    /// <summary>Copies the only row of another tensor to a row of this one.</summary>
    public void CopyRow(NativeTensor source, int row)
    {
        var count = source._bytes / ElementSize;
        Copy(source, from: 0, to: row * count, count);
    }

    /// <summary>Takes the values of a tensor of the same size and type.</summary>
    public void Fill(OrtValue values) => values.GetTensorMutableRawData().CopyTo(new Span<byte>(Bytes, checked((int)_bytes)));

    public void Clear() => NativeMemory.Clear(Bytes, (nuint)_bytes);

    public void Dispose()
    {
        Value.Dispose();
        _memory.Dispose();
    }

    /// <summary>Freed by the collector where an error keeps the tensor from being finished.</summary>
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
