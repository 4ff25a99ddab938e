namespace Microsoft.ML.Data;

/// <summary>A vector value, dense or sparse: a sparse one holds the indices of its explicit values in rising order.</summary>
public readonly struct VBuffer<T>
{
    private readonly T[] _values;
    private readonly int[] _indices;
    private readonly int _count;

    /// <summary>The length of the vector, explicit and implied values together.</summary>
    public readonly int Length;

    /// <summary>A dense vector; <paramref name="indices"/> is spare room for an editor that makes it sparse.</summary>
    public VBuffer(int length, T[] values, int[] indices = null) : this(length, length, values, indices)
    {
    }

    /// <summary>A vector with its first <paramref name="valuesCount"/> values explicit; dense if that is all of them.</summary>
    internal VBuffer(int length, int valuesCount, T[] values, int[] indices)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfNegative(valuesCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(valuesCount, length);
        if (valuesCount > (values?.Length ?? 0))
            throw new ArgumentException($"{valuesCount} values are wanted and {values?.Length ?? 0} are given.", nameof(values));
        if (valuesCount < length && valuesCount > (indices?.Length ?? 0))
            throw new ArgumentException($"{valuesCount} indices are wanted and {indices?.Length ?? 0} are given.", nameof(indices));

        Length = length;
        _count = valuesCount;
        _values = values;
        _indices = indices;
    }

    public bool IsDense => _count == Length;

    public ReadOnlySpan<T> GetValues() => _values.AsSpan(0, _count);

    /// <summary>The indices of the values, empty for a dense vector.</summary>
    public ReadOnlySpan<int> GetIndices() => IsDense ? default : _indices.AsSpan(0, _count);

    public IEnumerable<T> DenseValues()
    {
        for (int slot = 0, next = 0; slot < Length; slot++)
            yield return IsDense ? _values[slot] : next < _count && _indices[next] == slot ? _values[next++] : default;
    }

    public IEnumerable<KeyValuePair<int, T>> Items(bool all = false)
    {
        if (all || IsDense)
            return DenseValues().Select((value, slot) => KeyValuePair.Create(slot, value));
        return _indices.Take(_count).Zip(_values, KeyValuePair.Create);
    }

    public T GetItemOrDefault(int slot)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(slot);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(slot, Length);
        var at = IsDense ? slot : GetIndices().BinarySearch(slot);
        return at < 0 ? default : _values[at];
    }

    public void CopyTo(Span<T> destination)
    {
        if (destination.Length < Length)
            throw new ArgumentException($"{Length} values do not fit into {destination.Length}.", nameof(destination));

        if (IsDense)
        {
            GetValues().CopyTo(destination);
            return;
        }

        destination[..Length].Clear();
        for (var i = 0; i < _count; i++)
            destination[_indices[i]] = _values[i];
    }

    public void CopyTo(ref VBuffer<T> destination)
    {
        var editor = VBufferEditor.Create(ref destination, Length, _count);
        GetValues().CopyTo(editor.Values);
        GetIndices().CopyTo(editor.Indices);
        destination = editor.Commit();
    }

    internal void GetBuffers(out T[] values, out int[] indices)
    {
        values = _values;
        indices = _indices;
    }
}
