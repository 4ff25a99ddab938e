namespace Microsoft.ML.Data;

public static class VBufferEditor
{
    /// <summary>Opens a vector for writing, in the arrays of <paramref name="destination"/> where they are large enough.</summary>
    public static VBufferEditor<T> Create<T>(
        ref VBuffer<T> destination,
        int newLogicalLength,
        int? valuesCount = null,
        int? maxValuesCapacity = null,
        bool keepOldOnResize = false,
        bool requireIndicesOnDense = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(newLogicalLength);
        var count = valuesCount ?? newLogicalLength;
        ArgumentOutOfRangeException.ThrowIfNegative(count, nameof(valuesCount));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, newLogicalLength, nameof(valuesCount));

        var capacity = Math.Max(count, maxValuesCapacity ?? 0);
        destination.GetBuffers(out var values, out var indices);
        values = Room(values, count, capacity, keepOldOnResize);
        if (count < newLogicalLength || requireIndicesOnDense)
            indices = Room(indices, count, capacity, keepOldOnResize);
        return new VBufferEditor<T>(newLogicalLength, count, values, indices, requireIndicesOnDense);
    }

    private static TItem[] Room<TItem>(TItem[] old, int count, int capacity, bool keepOld)
    {
        if (old != null && old.Length >= count)
            return old;

        var room = new TItem[capacity];
        if (keepOld)
            old?.CopyTo(room, 0);
        return room;
    }
}

public readonly ref struct VBufferEditor<T>
{
    private readonly int _length;
    private readonly T[] _values;
    private readonly int[] _indices;

    internal VBufferEditor(int length, int count, T[] values, int[] indices, bool withIndices)
    {
        _length = length;
        _values = values;
        _indices = indices;
        Values = values.AsSpan(0, count);
        Indices = count < length || withIndices ? indices.AsSpan(0, count) : default;
    }

    public Span<T> Values { get; }

    /// <summary>The indices to write, empty for a dense vector unless they were asked for.</summary>
    public Span<int> Indices { get; }

    public VBuffer<T> Commit() => new(_length, Values.Length, _values, _indices);
}
