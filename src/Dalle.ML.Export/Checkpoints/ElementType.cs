using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace Dalle.ML.Export.Checkpoints;

/// <summary>Element types of the tensors in a file, little-endian.</summary>
internal enum ElementType
{
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F16,
    BF16,
    F32,
    F64,
}

internal static class ElementTypes
{
    /// <summary>Bytes of an element.</summary>
    public static int Size(this ElementType type) => type switch
    {
        ElementType.Bool or ElementType.U8 or ElementType.I8 => 1,
        ElementType.U16 or ElementType.I16 or ElementType.F16 or ElementType.BF16 => 2,
        ElementType.U32 or ElementType.I32 or ElementType.F32 => 4,
        _ => 8,
    };

    /// <summary>The floats nearest to the elements in <paramref name="bytes"/>.</summary>
    public static void ToFloats(this ElementType type, ReadOnlySpan<byte> bytes, Span<float> floats)
    {
        switch (type)
        {
            case ElementType.Bool or ElementType.U8: Convert<byte>(bytes, floats); break;
            case ElementType.I8: Convert<sbyte>(bytes, floats); break;
            case ElementType.U16: Convert<ushort>(bytes, floats); break;
            case ElementType.I16: Convert<short>(bytes, floats); break;
            case ElementType.U32: Convert<uint>(bytes, floats); break;
            case ElementType.I32: Convert<int>(bytes, floats); break;
            case ElementType.U64: Convert<ulong>(bytes, floats); break;
            case ElementType.I64: Convert<long>(bytes, floats); break;
            case ElementType.F16: Convert<Half>(bytes, floats); break;
            case ElementType.BF16: ConvertUpperHalves(bytes, floats); break;
            case ElementType.F32: Convert<float>(bytes, floats); break;
            case ElementType.F64: Convert<double>(bytes, floats); break;
        }
    }

    private static void Convert<T>(ReadOnlySpan<byte> bytes, Span<float> floats)
        where T : unmanaged, INumberBase<T> =>
        TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, T>(bytes), floats);

    /// <summary>A bfloat16 is the upper half of a float.</summary>
    private static void ConvertUpperHalves(ReadOnlySpan<byte> bytes, Span<float> floats)
    {
        var words = MemoryMarshal.Cast<byte, ushort>(bytes);
        for (var i = 0; i < words.Length; i++)
            floats[i] = BitConverter.UInt32BitsToSingle((uint)words[i] << 16);
    }
}
