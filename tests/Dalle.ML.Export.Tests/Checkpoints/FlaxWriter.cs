using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Tests.Checkpoints;

/// <summary>Writes tensors as flax's <c>msgpack_serialize</c> does: nested maps by the parts of their dotted names.</summary>
internal static class FlaxWriter
{
    private const byte ArrayExtension = 1;

    public static byte[] Write(IEnumerable<(string Name, Tensor Tensor)> tensors)
    {
        var bytes = new List<byte>();
        AddMap(bytes, [.. tensors.Select(tensor => (tensor.Name.Split('.'), tensor.Tensor))], depth: 0);
        return [.. bytes];
    }

    private static void AddMap(List<byte> bytes, (string[] Path, Tensor Tensor)[] tensors, int depth)
    {
        var entries = tensors.GroupBy(tensor => tensor.Path[depth]).ToArray();
        AddSize(bytes, 0xde, entries.Length);
        foreach (var entry in entries)
        {
            AddText(bytes, entry.Key);
            if (entry.First().Path.Length == depth + 1)
                AddArray(bytes, entry.Single().Tensor);
            else
                AddMap(bytes, [.. entry], depth + 1);
        }
    }

    /// <summary>An extension that holds a list of shape, type and bytes.</summary>
    private static void AddArray(List<byte> bytes, Tensor tensor)
    {
        var content = new List<byte> { 0x93 };
        AddSize(content, 0xdc, tensor.Rank);
        foreach (var size in tensor.Shape)
            AddLength(content, 0xce, size);
        AddText(content, "float32");
        AddLength(content, 0xc6, tensor.Values.Length * sizeof(float));
        content.AddRange(MemoryMarshal.AsBytes(tensor.Values.AsSpan()));
        AddLength(bytes, 0xc9, content.Count);
        bytes.Add(ArrayExtension);
        bytes.AddRange(content);
    }

    private static void AddText(List<byte> bytes, string text)
    {
        AddSize(bytes, 0xda, text.Length);
        bytes.AddRange(Encoding.ASCII.GetBytes(text));
    }

    private static void AddSize(List<byte> bytes, byte code, int size)
    {
        Span<byte> number = stackalloc byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16BigEndian(number, checked((ushort)size));
        bytes.Add(code);
        bytes.AddRange(number);
    }

    private static void AddLength(List<byte> bytes, byte code, int length)
    {
        Span<byte> number = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(number, (uint)length);
        bytes.Add(code);
        bytes.AddRange(number);
    }
}
