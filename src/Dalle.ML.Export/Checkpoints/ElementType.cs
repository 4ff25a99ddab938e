using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace Dalle.ML.Export.Checkpoints;

/// <summary>What a tensor's elements are in the file, little-endian.</summary>
internal enum ElementType
{
    F16,
    BF16,
    F32,
    F64,
    I8,
    U8,
    I16,
    I32,
    I64,
    Bool,
}

internal static class ElementTypes
{
    /// <summary>Bytes of an element.</summary>
    public static int Size(this ElementType type) => type switch
    {
        ElementType.I8 or ElementType.U8 or ElementType.Bool => 1,
        ElementType.F16 or ElementType.BF16 or ElementType.I16 => 2,
        ElementType.F32 or ElementType.I32 => 4,
        _ => 8,
    };

    /// <summary>The nearest floats of the elements in <paramref name="bytes"/>.</summary>
    public static void ToFloats(this ElementType type, ReadOnlySpan<byte> bytes, Span<float> floats)
    {
        switch (type)
        {
            case ElementType.F16:
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(bytes), floats);
                break;
            case ElementType.BF16: // the upper half of a float
                var upper = MemoryMarshal.Cast<byte, ushort>(bytes);
                for (var i = 0; i < upper.Length; i++)
                    floats[i] = BitConverter.UInt32BitsToSingle((uint)upper[i] << 16);
                break;
            case ElementType.F32:
                bytes.CopyTo(MemoryMarshal.AsBytes(floats));
                break;
            case ElementType.F64:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, double>(bytes), floats);
                break;
            case ElementType.I8:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, sbyte>(bytes), floats);
                break;
            case ElementType.U8 or ElementType.Bool:
                TensorPrimitives.ConvertTruncating(bytes, floats);
                break;
            case ElementType.I16:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, short>(bytes), floats);
                break;
            case ElementType.I32:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, int>(bytes), floats);
                break;
            case ElementType.I64:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, long>(bytes), floats);
                break;
        }
    }
}
