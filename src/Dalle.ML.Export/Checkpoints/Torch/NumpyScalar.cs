using System.Buffers.Binary;
using System.Text;

namespace Dalle.ML.Export.Checkpoints;

/// <summary>A number as numpy pickles it, which is how losses and steps get into checkpoints: its type's code and its bytes.</summary>
internal static class NumpyScalar
{
    /// <summary>(dtype, bytes).</summary>
    public static object? Create(PickleGlobal global, object?[] arguments) =>
        arguments is [PickleRecord { Arguments: [string code, ..] }, byte[] bytes]
            ? (code, bytes.Length) switch
            {
                ("f4", 4) => (double)BinaryPrimitives.ReadSingleLittleEndian(bytes),
                ("f8", 8) => BinaryPrimitives.ReadDoubleLittleEndian(bytes),
                ("i4", 4) => (long)BinaryPrimitives.ReadInt32LittleEndian(bytes),
                ("i8", 8) => BinaryPrimitives.ReadInt64LittleEndian(bytes),
                ("b1", 1) => bytes[0] != 0,
                _ => null,
            }
            : null;

    /// <summary>(text, 'latin1'): how protocol 2 writes bytes.</summary>
    public static object? Encode(PickleGlobal global, object?[] arguments) =>
        arguments is [string { Length: <= 8 } text, ..] ? Encoding.Latin1.GetBytes(text) : null;
}
