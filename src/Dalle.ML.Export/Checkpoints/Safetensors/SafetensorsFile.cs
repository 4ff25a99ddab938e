using System.Buffers.Binary;
using System.Text.Json;

namespace Dalle.ML.Export.Checkpoints;

/// <summary>
/// Reads a <c>.safetensors</c> file: eight bytes of header length, a JSON header that gives type, shape and place of every tensor,
/// then the raw little-endian data.
/// </summary>
/// <remarks>Format: huggingface/safetensors. As there, the tensors must fill the data without gap or overlap.</remarks>
internal static class SafetensorsFile
{
    private const int MaxHeaderBytes = 1 << 24;

    private static readonly Dictionary<string, ElementType> Types = new()
    {
        ["BOOL"] = ElementType.Bool,
        ["U8"] = ElementType.U8,
        ["I8"] = ElementType.I8,
        ["U16"] = ElementType.U16,
        ["I16"] = ElementType.I16,
        ["U32"] = ElementType.U32,
        ["I32"] = ElementType.I32,
        ["U64"] = ElementType.U64,
        ["I64"] = ElementType.I64,
        ["F16"] = ElementType.F16,
        ["BF16"] = ElementType.BF16,
        ["F32"] = ElementType.F32,
        ["F64"] = ElementType.F64,
    };

    /// <exception cref="InvalidDataException">It is not well-formed.</exception>
    public static StoredCheckpoint Read(CheckpointFile file)
    {
        var length = BinaryPrimitives.ReadInt64LittleEndian(file.Read("its header's length", 0, sizeof(long), sizeof(long)));
        var header = file.Read("its header", sizeof(long), length, MaxHeaderBytes);
        try
        {
            using var json = JsonDocument.Parse(header, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return Read(file, json.RootElement, sizeof(long) + length);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new InvalidDataException($"its safetensors header is malformed. {exception.Message}", exception);
        }
    }

    private static StoredCheckpoint Read(CheckpointFile file, JsonElement header, long data)
    {
        var tensors = new Dictionary<string, StoredTensor>();
        var places = new List<(long Begin, long End, string Name)>();
        var settings = new Dictionary<string, object?>();
        foreach (var property in header.EnumerateObject())
        {
            if (property.NameEquals("__metadata__"))
            {
                foreach (var setting in property.Value.EnumerateObject())
                    settings.Add(setting.Name, setting.Value.GetString());
                continue;
            }
            var (tensor, begin, end) = ReadTensor(file, property, data);
            tensors.Add(property.Name, tensor);
            places.Add((begin, end, property.Name));
        }

        places.Sort();
        long filled = 0;
        foreach (var (begin, end, name) in places)
        {
            if (begin != filled)
                throw new InvalidDataException($"tensor '{name}' begins at byte {begin} of the data; the one before it ends at {filled}.");
            filled = end;
        }
        if (filled != file.Length - data)
            throw new InvalidDataException($"its tensors have {filled} bytes; the file has {file.Length - data}.");
        return new StoredCheckpoint(file.Path, tensors, settings, [file]);
    }

    private static (StoredTensor Tensor, long Begin, long End) ReadTensor(CheckpointFile file, JsonProperty property, long data)
    {
        var dtype = property.Value.GetProperty("dtype").GetString();
        if (!Types.TryGetValue(dtype ?? "", out var type))
            throw new InvalidDataException($"tensor '{property.Name}' has the type {dtype}; supported are {string.Join(", ", Types.Keys)}.");
        var shape = property.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64()).ToArray();
        var offsets = property.Value.GetProperty("data_offsets").EnumerateArray().Select(offset => offset.GetInt64()).ToArray();
        if (offsets is not [>= 0 and var begin, var end] || end < begin)
            throw new InvalidDataException($"tensor '{property.Name}' has no data offsets.");
        return (StoredTensor.Whole(Storage.Of(file, type, data + begin, end - begin), shape), begin, end);
    }
}
