using System.Buffers.Binary;
using System.Text.Json;
using static TorchSharp.torch;

namespace Dalle.ML.Training.Checkpoints;

/// <summary>Writes a <c>.safetensors</c> file that is there as a whole or not at all, whenever the process is killed.</summary>
internal static class SafetensorsWriter
{
    private const int BufferSize = 1 << 20;

    private static readonly Dictionary<ScalarType, (string Name, int Size)> Types = new()
    {
        [ScalarType.Float32] = ("F32", 4),
        [ScalarType.Float16] = ("F16", 2),
        [ScalarType.Int64] = ("I64", 8),
        [ScalarType.Int32] = ("I32", 4),
    };

    /// <param name="path">The file, which is replaced.</param>
    /// <param name="tensors">The tensors by name.</param>
    /// <param name="metadata">What is said about them.</param>
    public static void Write(string path, IReadOnlyList<(string Name, Tensor Tensor)> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var header = new Dictionary<string, object>();
        if (metadata is not null)
            header["__metadata__"] = metadata;
        long end = 0;
        foreach (var (name, tensor) in tensors)
        {
            var (type, size) = Types[tensor.dtype];
            header[name] = new { dtype = type, shape = tensor.shape, data_offsets = new[] { end, end += tensor.numel() * size } };
        }
        var json = JsonSerializer.SerializeToUtf8Bytes(header);
        // The data begins at a multiple of eight bytes.
        var padding = (8 - json.Length % 8) % 8;
        var draft = path + ".new";
        using (var file = new FileStream(draft, FileMode.Create, FileAccess.Write, FileShare.None, BufferSize))
        {
            Span<byte> length = stackalloc byte[sizeof(long)];
            BinaryPrimitives.WriteInt64LittleEndian(length, json.Length + padding);
            file.Write(length);
            file.Write(json);
            file.Write("       "u8[..padding]);
            foreach (var (_, tensor) in tensors)
            {
                using var scope = NewDisposeScope();
                if (tensor.numel() > 0)
                    tensor.detach().cpu().contiguous().WriteBytesToStream(file, BufferSize);
            }
            file.Flush(flushToDisk: true);
        }
        File.Move(draft, path, overwrite: true);
    }
}
