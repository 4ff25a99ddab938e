using System.Runtime.InteropServices;

namespace Dalle.ML.Export.Checkpoints;

/// <summary>
/// A dense tensor of a checkpoint in row-major order. Values are held as floats; <see cref="IsFloat16"/> records that each
/// of them is exactly a Float16, so that a graph can store it in two bytes without changing anything.
/// </summary>
internal sealed class Tensor
{
    private const int LargeCount = 1 << 24;

    public Tensor(float[] values, bool isFloat16, params int[] shape)
    {
        if (values.Length != Size(shape))
            throw new ArgumentException($"{values.Length} values do not fill a tensor of shape [{string.Join(", ", shape)}].", nameof(values));
        Values = values;
        IsFloat16 = isFloat16;
        Shape = shape;
    }

    public float[] Values { get; }

    public bool IsFloat16 { get; }

    public int[] Shape { get; }

    public int Rank => Shape.Length;

    /// <summary>An array for the values of a tensor.</summary>
    public static float[] Allocate(int count)
    {
        // Weights are read, written and released. Left alone, the garbage collector lets several large ones pile up first.
        if (count >= LargeCount)
            GC.Collect();
        return GC.AllocateUninitializedArray<float>(count);
    }

    /// <summary>The same values under another shape.</summary>
    public Tensor Reshape(params int[] shape) => new(Values, IsFloat16, shape);

    /// <summary>Reorders the axes: axis i of the result is axis <paramref name="axes"/>[i] of this tensor.</summary>
    public Tensor Transpose(params int[] axes)
    {
        if (axes is [1, 0])
            return TransposeMatrix();
        var strides = new int[Rank];
        for (int axis = Rank - 1, stride = 1; axis >= 0; stride *= Shape[axis--])
            strides[axis] = stride;

        var shape = axes.Select(axis => Shape[axis]).ToArray();
        var result = Allocate(Values.Length);
        var index = new int[Rank];
        for (var i = 0; i < result.Length; i++)
        {
            var source = 0;
            for (var axis = 0; axis < axes.Length; axis++)
                source += index[axis] * strides[axes[axis]];
            result[i] = Values[source];
            for (var axis = Rank - 1; axis >= 0 && ++index[axis] == shape[axis]; axis--)
                index[axis] = 0;
        }
        return new Tensor(result, IsFloat16, shape);
    }

    /// <summary>Stacks tensors that differ in their first axis only.</summary>
    public static Tensor Concat(params Tensor[] parts)
    {
        var shape = (int[])parts[0].Shape.Clone();
        shape[0] = parts.Sum(part => part.Shape[0]);
        var values = Allocate(parts.Sum(part => part.Values.Length));
        var end = 0;
        foreach (var part in parts)
        {
            part.Values.CopyTo(values, end);
            end += part.Values.Length;
        }
        return new Tensor(values, parts.All(part => part.IsFloat16), shape);
    }

    /// <summary>The part of a range of the first axis.</summary>
    public Tensor Rows(Range range)
    {
        var (offset, length) = range.GetOffsetAndLength(Shape[0]);
        var row = Size(Shape[1..]);
        return new Tensor(Values[(offset * row)..((offset + length) * row)], IsFloat16, [length, .. Shape[1..]]);
    }

    /// <summary>The little-endian bytes of the values, as Float16 or Float.</summary>
    public ReadOnlySpan<byte> ToBytes(bool asFloat16) => asFloat16
        ? MemoryMarshal.AsBytes(Array.ConvertAll(Values, value => (Half)value).AsSpan())
        : MemoryMarshal.AsBytes(Values.AsSpan());

    /// <summary>In tiles, so that both sides stay in the cache: the weights of a large model are matrices.</summary>
    private Tensor TransposeMatrix()
    {
        const int Tile = 64;
        var (rows, columns) = (Shape[0], Shape[1]);
        var result = Allocate(Values.Length);
        Parallel.For(0, (rows + Tile - 1) / Tile, tile =>
        {
            var (top, bottom) = (tile * Tile, Math.Min(rows, (tile + 1) * Tile));
            for (var left = 0; left < columns; left += Tile)
            {
                var right = Math.Min(columns, left + Tile);
                for (var row = top; row < bottom; row++)
                {
                    for (var column = left; column < right; column++)
                        result[column * rows + row] = Values[row * columns + column];
                }
            }
        });
        return new Tensor(result, IsFloat16, columns, rows);
    }

    private static int Size(int[] shape) => shape.Aggregate(1, (product, size) => checked(product * size));
}
