using System.Numerics;
using Dalle.ML.Transforms.Rows;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Transforms.Saving;

/// <summary>
/// Vectors of a known size in saved pipelines. A mapping that ML.NET loads states the sizes of its vectors in attributes, when it is
/// compiled, but here they are a model's. So a vector is taken apart into blocks of 1, 2, 4, 8, … items, which have such attributes, and
/// ML.NET's Concatenate joins those whose sizes add up to it: a vector of a known size. Square grids of the usual sizes are kept whole.
/// </summary>
internal static class FixedSize
{
    public const string Prefix = Row.Prefix + "FixedSize.";

    /// <summary>The columns that <see cref="Copy"/> leaves behind.</summary>
    public static IEnumerable<string> TemporaryColumns =>
        [Prefix + nameof(WholeVector<>.Vector), .. VectorShape.GridSides.Select(GridColumn), .. Enumerable.Range(0, VectorShape.MaxBits).Select(BlockColumn)];

    /// <summary>Copies a vector column and gives it the size that a type states.</summary>
    public static IEnumerable<IEstimator<ITransformer>> Copy(TransformsCatalog transforms, string name, string source, VectorDataViewType type)
    {
        yield return transforms.CopyColumns(Prefix + nameof(WholeVector<>.Vector), source);
        yield return type.ItemType.RawType switch
        {
            var item when item == typeof(byte) => transforms.CustomMapping(new ByteVectorMapping().GetMapping(), ByteVectorMapping.Contract),
            var item when item == typeof(int) => transforms.CustomMapping(new Int32VectorMapping().GetMapping(), Int32VectorMapping.Contract),
            var item when item == typeof(ulong) => transforms.CustomMapping(new UInt64VectorMapping().GetMapping(), UInt64VectorMapping.Contract),
            _ => transforms.CustomMapping(new SingleVectorMapping().GetMapping(), SingleVectorMapping.Contract),
        };
        yield return VectorShape.IsUsualGrid(type.Dimensions)
            ? transforms.CopyColumns(name, GridColumn(type.Dimensions[0]))
            : transforms.Concatenate(name, [.. BlocksOf(type.Size).Select(BlockColumn)]);
    }

    /// <summary>The blocks that add up to a size, by the logarithms of their sizes.</summary>
    public static IEnumerable<int> BlocksOf(int size) => Enumerable.Range(0, VectorShape.MaxBits).Where(block => BitOperations.IsPow2(size & 1 << block));

    private static string GridColumn(int side) => $"{Prefix}Grid{side}";

    private static string BlockColumn(int block) => $"{Prefix}Block{block}";
}
