namespace Dalle.ML.Export.Checkpoints;

/// <summary>Elements of one type in a file, in one run of bytes or several: flax splits large arrays.</summary>
internal sealed class Storage(ElementType type, long count)
{
    private const int BufferBytes = 1 << 20;

    private readonly List<(CheckpointFile File, long Offset, long Count)> _runs = [];

    public ElementType Type => type;

    public long Count => count;

    /// <summary>The elements in a run of bytes.</summary>
    /// <exception cref="InvalidDataException">The bytes are not a whole number of elements.</exception>
    public static Storage Of(CheckpointFile file, ElementType type, long offset, long bytes) => bytes % type.Size() == 0
        ? new Storage(type, bytes / type.Size()).Append(file, offset, bytes / type.Size())
        : throw new InvalidDataException($"the {bytes} bytes at {offset} are not a whole number of elements of type {type}.");

    /// <summary>Storages one after the other.</summary>
    /// <exception cref="InvalidDataException">They are none, or of different types.</exception>
    public static Storage Join(IReadOnlyList<Storage> parts)
    {
        if (parts.Select(part => part.Type).Distinct().Count() != 1)
            throw new InvalidDataException("an array has pieces of different types, or none.");
        var joined = new Storage(parts[0].Type, parts.Sum(part => part.Count));
        foreach (var part in parts)
            joined._runs.AddRange(part._runs);
        return joined;
    }

    /// <summary>Adds the next run of elements. Runs must add up to <see cref="Count"/> before anything is read.</summary>
    public Storage Append(CheckpointFile file, long offset, long elements)
    {
        _runs.Add((file, offset, elements));
        return this;
    }

    /// <summary>Reads elements as floats, from element <paramref name="start"/> on.</summary>
    public void Read(long start, Span<float> floats)
    {
        var buffer = new byte[(int)Math.Min((long)floats.Length * type.Size(), BufferBytes)];
        foreach (var (file, offset, elements) in _runs)
        {
            while (start < elements && !floats.IsEmpty)
            {
                var part = (int)Math.Min(Math.Min(elements - start, floats.Length), buffer.Length / type.Size());
                var bytes = buffer.AsSpan(0, part * type.Size());
                file.Read(offset + start * type.Size(), bytes);
                type.ToFloats(bytes, floats[..part]);
                floats = floats[part..];
                start += part;
            }
            start -= elements;
        }
    }
}
