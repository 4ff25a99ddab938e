using Microsoft.ML.Data;

namespace Dalle.ML.Transforms.Rows;

/// <summary>The shapes of vector columns that are the same before and after saving.</summary>
internal static class VectorShape
{
    /// <summary>Vectors have fewer than 2 to the power of this many values; all candidates of the paper, in pixels, fit.</summary>
    public const int MaxBits = 28;

    /// <summary>The square grids that keep their two dimensions.</summary>
    public static IReadOnlyList<int> GridSides { get; } = [8, 16, 32, 64];

    /// <summary>The type of a column of these dimensions: those of a usual grid are kept, others are multiplied.</summary>
    /// <exception cref="NotSupportedException">The vector is too large.</exception>
    public static VectorDataViewType TypeOf(PrimitiveDataViewType item, int[] dimensions)
    {
        var size = dimensions.Aggregate(1L, (product, dimension) => product * dimension);
        if (size >= 1 << MaxBits)
            throw new NotSupportedException($"A vector of {string.Join(" × ", dimensions)} values is too large for a column. Request fewer candidates.");
        return IsUsualGrid(dimensions) ? new VectorDataViewType(item, dimensions) : new VectorDataViewType(item, (int)size);
    }

    public static bool IsUsualGrid(IReadOnlyList<int> dimensions) =>
        dimensions is [var rows, var columns] && rows == columns && GridSides.Contains(rows);
}
