using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Tests.Checkpoints;

/// <summary>Writes checkpoints for tests.</summary>
internal static class SafetensorsWriter
{
    public static byte[] File(string header, byte[] data) => File(Encoding.UTF8.GetBytes(header), data);

    public static byte[] File(byte[] header, byte[] data) => [.. BitConverter.GetBytes(header.LongLength), .. header, .. data];

    /// <summary>Writes tensors as 32-bit floats.</summary>
    public static void Write(string path, IReadOnlyDictionary<string, Tensor> weights)
    {
        var offset = 0;
        var header = JsonSerializer.SerializeToUtf8Bytes(weights.ToDictionary(weight => weight.Key, weight => new
        {
            dtype = "F32",
            shape = weight.Value.Shape,
            data_offsets = new[] { offset, offset += sizeof(float) * weight.Value.Values.Length },
        }));
        using var file = new BinaryWriter(System.IO.File.Create(path), Encoding.UTF8);
        file.Write((long)header.Length);
        file.Write(header);
        foreach (var weight in weights.Values)
            file.Write(MemoryMarshal.AsBytes(weight.Values.AsSpan()));
    }

    /// <summary>Copies a checkpoint; tensors that <paramref name="change"/> makes null are left out.</summary>
    public static string Copy(string source, string path, Func<string, Tensor, Tensor?> change)
    {
        using var checkpoint = Checkpoint.Open(source);
        var weights = new Dictionary<string, Tensor>();
        foreach (var name in checkpoint.Names)
        {
            if (change(name, checkpoint.Read(name)) is { } tensor)
                weights.Add(name, tensor);
        }
        Write(path, weights);
        return path;
    }

    /// <summary>The tensor with another number of rows, which repeat from the first on where there were fewer.</summary>
    public static Tensor WithRows(this Tensor tensor, int rows) =>
        Tensor.Concat([.. Enumerable.Repeat(tensor, (rows + tensor.Shape[0] - 1) / tensor.Shape[0])]).Rows(..rows);
}
