using System.IO.Compression;
using System.Numerics;
using static Dalle.ML.Export.Tests.Checkpoints.PickleWriter;

namespace Dalle.ML.Export.Tests.Checkpoints;

/// <summary>Writes small files as PyTorch does.</summary>
internal static class TorchWriter
{
    /// <summary>A tensor of some storage, in row-major order unless strides are given.</summary>
    public static Call Tensor(string type, string key, long count, long[] shape, long[]? strides = null, long start = 0)
    {
        if (strides is null)
        {
            strides = new long[shape.Length];
            for (var (axis, stride) = (shape.Length - 1, 1L); axis >= 0; stride *= shape[axis--])
                strides[axis] = stride;
        }
        return new Call(new Global("torch._utils", "_rebuild_tensor_v2"), Storage(type, key, count), start, Tuple(shape), Tuple(strides), false,
            new Call(new Global("collections", "OrderedDict")));
    }

    public static PersistentId Storage(string type, string key, long count) =>
        new(new object?[] { "storage", new Global("torch", type), key, "cpu", count });

    /// <summary>The zip file of an object and its storages, without compression unless asked for.</summary>
    public static byte[] Zip(object? root, Dictionary<string, byte[]> storages, CompressionLevel level = CompressionLevel.NoCompression) =>
        Zip(PickleWriter.Dump(root), storages, level);

    public static byte[] Zip(byte[] pickle, Dictionary<string, byte[]> storages, CompressionLevel level = CompressionLevel.NoCompression)
    {
        var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            Add("data.pkl", pickle);
            Add("byteorder", "little"u8.ToArray());
            foreach (var (key, data) in storages)
                Add("data/" + key, data);
            Add("version", "3\n"u8.ToArray());

            void Add(string name, byte[] content)
            {
                using var entry = zip.CreateEntry("archive/" + name, level).Open();
                entry.Write(content);
            }
        }
        return bytes.ToArray();
    }

    /// <summary>The file of before version 1.6; a storage's elements have the given size.</summary>
    public static byte[] Legacy(object? root, Dictionary<string, byte[]> storages, int elementSize, bool littleEndian = true) =>
    [
        .. PickleWriter.Dump(BigInteger.Parse("119547037146038801333356")),
        .. PickleWriter.Dump(1001),
        .. PickleWriter.Dump(new Dictionary<object, object?> { ["protocol_version"] = 1001, ["little_endian"] = littleEndian }),
        .. PickleWriter.Dump(root),
        .. PickleWriter.Dump(new List<object?>(storages.Keys)),
        .. storages.Values.SelectMany(data => BitConverter.GetBytes(data.LongLength / elementSize).Concat(data)),
    ];

    private static object?[] Tuple(long[] sizes) => Array.ConvertAll(sizes, size => (object?)size);
}
