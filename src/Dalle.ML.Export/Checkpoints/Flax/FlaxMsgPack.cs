namespace Dalle.ML.Export.Checkpoints;

/// <summary>
/// Reads what flax's <c>msgpack_serialize</c> writes: MessagePack whose extension 1 is an array, as (shape, type, bytes), and where an
/// array of more than a gigabyte is a map of flat pieces.
/// </summary>
/// <remarks>Format: flax's <c>flax/serialization.py</c>.</remarks>
internal static class FlaxMsgPack
{
    private const sbyte ArrayExtension = 1;
    private const sbyte ScalarExtension = 3;

    private static readonly Dictionary<string, ElementType> Types = new()
    {
        ["bool"] = ElementType.Bool,
        ["uint8"] = ElementType.U8,
        ["int8"] = ElementType.I8,
        ["uint16"] = ElementType.U16,
        ["int16"] = ElementType.I16,
        ["uint32"] = ElementType.U32,
        ["int32"] = ElementType.I32,
        ["uint64"] = ElementType.U64,
        ["int64"] = ElementType.I64,
        ["float16"] = ElementType.F16,
        ["bfloat16"] = ElementType.BF16,
        ["float32"] = ElementType.F32,
        ["float64"] = ElementType.F64,
    };

    /// <exception cref="InvalidDataException">It is not well-formed.</exception>
    public static StoredCheckpoint Read(CheckpointFile file)
    {
        var reader = new MsgPackReader(file, 0, file.Length);
        var tree = StateDictFlattener.Of(reader.Read(value => Restore(file, value)));
        return reader.IsAtEnd
            ? new StoredCheckpoint(file.Path, tree.Tensors, tree.Settings, [file])
            : throw new InvalidDataException("data follows its object.");
    }

    private static object? Restore(CheckpointFile file, object value) => value switch
    {
        MsgPackReader.Extension { Type: ArrayExtension or ScalarExtension } array => ReadArray(file, array.Content),
        OrderedDictionary<string, object?> map when map.ContainsKey("__msgpack_chunked_array__") => Join(map),
        _ => value,
    };

    private static StoredTensor ReadArray(CheckpointFile file, MsgPackReader.Bytes place)
    {
        var reader = new MsgPackReader(file, place.Offset, place.Offset + place.Length);
        if (reader.Read(value => value) is not List<object?> array || !reader.IsAtEnd
            || array is not [List<object?> shape, string name, MsgPackReader.Bytes data])
            throw new InvalidDataException($"its array at byte {place.Offset} is not a shape, a type and bytes.");
        if (!Types.TryGetValue(name, out var type))
            throw new InvalidDataException($"it has an array of type {name}; supported are {string.Join(", ", Types.Keys)}.");
        return StoredTensor.Whole(Storage.Of(file, type, data.Offset, data.Length), Sizes(shape));
    }

    /// <summary>A large array: its shape and its flat pieces are maps from "0", "1", and so on.</summary>
    private static StoredTensor Join(OrderedDictionary<string, object?> map)
    {
        if (map.GetValueOrDefault("shape") is not OrderedDictionary<string, object?> shape
            || map.GetValueOrDefault("chunks") is not OrderedDictionary<string, object?> chunks
            || !AreInOrder(shape) || !AreInOrder(chunks))
            throw new InvalidDataException("it has a large array without a shape and pieces.");
        var pieces = chunks.Values.Select(chunk => (chunk as StoredTensor)?.Storage
            ?? throw new InvalidDataException("it has a large array whose pieces are not arrays."));
        return StoredTensor.Whole(Storage.Join([.. pieces]), Sizes(shape.Values));
    }

    private static bool AreInOrder(OrderedDictionary<string, object?> map) =>
        map.Keys.Select((key, index) => key == $"{index}").All(isNext => isNext);

    private static long[] Sizes(IEnumerable<object?> sizes) =>
        [.. sizes.Select(size => size as long? ?? throw new InvalidDataException("it has an array whose sizes are not integers."))];
}
