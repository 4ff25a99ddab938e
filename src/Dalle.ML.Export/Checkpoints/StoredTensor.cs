namespace Dalle.ML.Export.Checkpoints;

/// <summary>Where a tensor lies: a storage, the element it begins at, and the distance between neighbours along every axis.</summary>
internal sealed class StoredTensor
{
    private const int MaxRank = 16;

    // Neighbours may be the same element (torch's expand), so that a small file can claim a huge tensor; up to this size it may.
    private const long MaxExpanded = 1 << 22;

    private readonly long _start;
    private readonly long[] _strides;
    private readonly int _span;

    /// <exception cref="InvalidDataException">The tensor is not within its storage, or too large.</exception>
    public StoredTensor(Storage storage, IReadOnlyList<long> shape, long start = 0, IReadOnlyList<long>? strides = null)
    {
        strides ??= RowMajor(shape);
        Int128 count = 1, span = 1;
        if (shape.Count > MaxRank || strides.Count != shape.Count || start < 0
            || shape.Any(size => size is < 0 or > int.MaxValue) || strides.Any(stride => stride < 0))
            throw Invalid("is impossible");
        for (var axis = 0; axis < shape.Count; axis++)
        {
            (count, span) = (count * shape[axis], span + (Int128)(shape[axis] - 1) * strides[axis]);
            if (count > Array.MaxLength || span > long.MaxValue)
                throw Invalid("is too large");
        }
        if (count == 0)
            (start, span) = (0, 0);
        if (start + span > storage.Count || span > Array.MaxLength || count > Math.Max(storage.Count, MaxExpanded))
            throw Invalid("is not inside the storage");

        (Storage, _start, _strides, Count, _span) = (storage, start, [.. strides], (int)count, (int)span);
        Shape = [.. shape.Select(size => (int)size)];

        InvalidDataException Invalid(string reason) => new($"a tensor of shape [{string.Join(", ", shape.Take(MaxRank))}] and strides "
            + $"[{string.Join(", ", strides.Take(MaxRank))}] from element {start} on, of {storage.Count} stored ones, {reason}.");
    }

    public Storage Storage { get; }

    public int[] Shape { get; }

    /// <summary>Number of elements.</summary>
    public int Count { get; }

    /// <summary>The tensor that all elements of a storage are in row-major order.</summary>
    /// <exception cref="InvalidDataException">They do not fill the shape, or it is too large.</exception>
    public static StoredTensor Whole(Storage storage, IReadOnlyList<long> shape)
    {
        var tensor = new StoredTensor(storage, shape);
        return tensor.Count == storage.Count ? tensor : throw new InvalidDataException(
            $"a tensor of shape [{string.Join(", ", shape)}] has {tensor.Count} elements; {storage.Count} are stored.");
    }

    /// <summary>Entry <paramref name="index"/> along the first axis.</summary>
    public StoredTensor Slice(int index) =>
        new(Storage, [.. Shape[1..].Select(size => (long)size)], _start + index * _strides[0], _strides[1..]);

    public Tensor Read()
    {
        var values = Tensor.Allocate(_span);
        Storage.Read(_start, values);
        return new Tensor(IsRowMajor ? values : Gather(values), Storage.Type == ElementType.F16, Shape);
    }

    // The stride of an axis with one entry means nothing.
    private bool IsRowMajor => RowMajor([.. Shape.Select(size => (long)size)]).Zip(_strides, Shape)
        .All(axis => axis.First == axis.Second || axis.Third == 1);

    private float[] Gather(float[] values)
    {
        var result = Tensor.Allocate(Count);
        var index = new int[Shape.Length];
        long source = 0;
        for (var i = 0; i < result.Length; i++)
        {
            result[i] = values[source];
            for (var axis = Shape.Length - 1; axis >= 0; axis--)
            {
                source += _strides[axis];
                if (++index[axis] < Shape[axis])
                    break;
                source -= Shape[axis] * _strides[axis];
                index[axis] = 0;
            }
        }
        return result;
    }

    private static long[] RowMajor(IReadOnlyList<long> shape)
    {
        var strides = new long[shape.Count];
        long stride = 1;
        for (var axis = strides.Length - 1; axis >= 0; axis--)
        {
            strides[axis] = stride;
            stride = unchecked(stride * shape[axis]);
        }
        return strides;
    }
}
