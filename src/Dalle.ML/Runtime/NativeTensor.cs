using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Dalle.ML.Runtime;

/// <summary>A tensor in native memory that stays where it is; its first axis is that of the batch.</summary>
internal sealed unsafe class NativeTensor : IDisposable
{
    private readonly TensorMemory _memory;
    private readonly TensorElementType _type;
    private readonly SafeHandle _bytes;
    private readonly long _length;
    private readonly int _elementSize;
    private readonly long _rowLength;

    public NativeTensor(TensorMemory memory, TensorElementType type, params long[] shape)
    {
        _elementSize = type switch
        {
            TensorElementType.Float => sizeof(float),
            TensorElementType.Float16 or TensorElementType.UInt16 => sizeof(ushort),
            TensorElementType.Int64 => sizeof(long),
            _ => throw new NotSupportedException($"A decoder's tensors are float, Float16, UInt16 or Int64, not {type}."),
        };
        (_memory, _type) = (memory, type);
        _length = shape.Aggregate((long)_elementSize, (product, axis) => checked(product * axis));
        _rowLength = _length / _elementSize / shape[0];
        _bytes = memory.Allocate(_length);
        Value = View(shape);
    }

    /// <summary>Room for weights in the host's memory: the bits of 16-bit floats.</summary>
    public static NativeTensor ForWeights(params long[] shape) => new(TensorMemory.Host, TensorElementType.UInt16, shape);

    /// <summary>The whole of it.</summary>
    public OrtValue Value { get; }

    public byte* Bytes => (byte*)_bytes.DangerousGetHandle();

    /// <summary>The beginning of the memory under another shape; the caller disposes it.</summary>
    public OrtValue View(params long[] shape) => OrtValue.CreateTensorValueWithData(
        _memory.Info, _type, shape, _bytes.DangerousGetHandle(), shape.Aggregate((long)_elementSize, (product, axis) => product * axis));

    /// <summary>Copies a run of elements from another tensor of the same type; both are in the host's memory.</summary>
    public void Copy(NativeTensor source, long from, long to, long count) =>
        Buffer.MemoryCopy(source.Bytes + from * _elementSize, Bytes + to * _elementSize, _length - to * _elementSize, count * _elementSize);

    /// <summary>Copies a row of another tensor to one of this; both are in the host's memory.</summary>
    public void CopyRow(NativeTensor source, int from, int to) => Copy(source, from * _rowLength, to * _rowLength, _rowLength);

    public void Dispose()
    {
        Value.Dispose();
        _bytes.Dispose();
    }
}
