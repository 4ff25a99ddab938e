using Dalle.ML.Transforms.Rows;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;

namespace Dalle.ML.Transforms.Saving;

/// <summary>A vector as a mapping reads it, see <see cref="FixedSize"/>.</summary>
internal sealed class WholeVector<T>
{
    [ColumnName(FixedSize.Prefix + nameof(Vector)), VectorType]
    public T[] Vector { get; set; } = [];
}

/// <summary>The same vector as it is given on: as grids of the usual sizes, and in blocks, of which those count whose sizes add up to it.</summary>
internal sealed class VectorParts<T>
{
    private readonly T[][] _blocks = [.. Enumerable.Repeat(Array.Empty<T>(), VectorShape.MaxBits)];

    [ColumnName(FixedSize.Prefix + nameof(Grid8)), VectorType(8, 8)]
    public T[] Grid8 { get; set; } = [];

    [ColumnName(FixedSize.Prefix + nameof(Grid16)), VectorType(16, 16)]
    public T[] Grid16 { get; set; } = [];

    [ColumnName(FixedSize.Prefix + nameof(Grid32)), VectorType(32, 32)]
    public T[] Grid32 { get; set; } = [];

    [ColumnName(FixedSize.Prefix + nameof(Grid64)), VectorType(64, 64)]
    public T[] Grid64 { get; set; } = [];

    [ColumnName(FixedSize.Prefix + nameof(Block0)), VectorType(1 << 0)]
    public T[] Block0 { get => _blocks[0]; set => _blocks[0] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block1)), VectorType(1 << 1)]
    public T[] Block1 { get => _blocks[1]; set => _blocks[1] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block2)), VectorType(1 << 2)]
    public T[] Block2 { get => _blocks[2]; set => _blocks[2] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block3)), VectorType(1 << 3)]
    public T[] Block3 { get => _blocks[3]; set => _blocks[3] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block4)), VectorType(1 << 4)]
    public T[] Block4 { get => _blocks[4]; set => _blocks[4] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block5)), VectorType(1 << 5)]
    public T[] Block5 { get => _blocks[5]; set => _blocks[5] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block6)), VectorType(1 << 6)]
    public T[] Block6 { get => _blocks[6]; set => _blocks[6] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block7)), VectorType(1 << 7)]
    public T[] Block7 { get => _blocks[7]; set => _blocks[7] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block8)), VectorType(1 << 8)]
    public T[] Block8 { get => _blocks[8]; set => _blocks[8] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block9)), VectorType(1 << 9)]
    public T[] Block9 { get => _blocks[9]; set => _blocks[9] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block10)), VectorType(1 << 10)]
    public T[] Block10 { get => _blocks[10]; set => _blocks[10] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block11)), VectorType(1 << 11)]
    public T[] Block11 { get => _blocks[11]; set => _blocks[11] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block12)), VectorType(1 << 12)]
    public T[] Block12 { get => _blocks[12]; set => _blocks[12] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block13)), VectorType(1 << 13)]
    public T[] Block13 { get => _blocks[13]; set => _blocks[13] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block14)), VectorType(1 << 14)]
    public T[] Block14 { get => _blocks[14]; set => _blocks[14] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block15)), VectorType(1 << 15)]
    public T[] Block15 { get => _blocks[15]; set => _blocks[15] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block16)), VectorType(1 << 16)]
    public T[] Block16 { get => _blocks[16]; set => _blocks[16] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block17)), VectorType(1 << 17)]
    public T[] Block17 { get => _blocks[17]; set => _blocks[17] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block18)), VectorType(1 << 18)]
    public T[] Block18 { get => _blocks[18]; set => _blocks[18] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block19)), VectorType(1 << 19)]
    public T[] Block19 { get => _blocks[19]; set => _blocks[19] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block20)), VectorType(1 << 20)]
    public T[] Block20 { get => _blocks[20]; set => _blocks[20] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block21)), VectorType(1 << 21)]
    public T[] Block21 { get => _blocks[21]; set => _blocks[21] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block22)), VectorType(1 << 22)]
    public T[] Block22 { get => _blocks[22]; set => _blocks[22] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block23)), VectorType(1 << 23)]
    public T[] Block23 { get => _blocks[23]; set => _blocks[23] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block24)), VectorType(1 << 24)]
    public T[] Block24 { get => _blocks[24]; set => _blocks[24] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block25)), VectorType(1 << 25)]
    public T[] Block25 { get => _blocks[25]; set => _blocks[25] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block26)), VectorType(1 << 26)]
    public T[] Block26 { get => _blocks[26]; set => _blocks[26] = value; }

    [ColumnName(FixedSize.Prefix + nameof(Block27)), VectorType(1 << 27)]
    public T[] Block27 { get => _blocks[27]; set => _blocks[27] = value; }

    public void Fill(T[] vector)
    {
        Grid8 = Grid16 = Grid32 = Grid64 = vector;
        var start = 0;
        foreach (var block in FixedSize.BlocksOf(vector.Length))
        {
            _blocks[block] = vector[start..(start + (1 << block))];
            start += 1 << block;
        }
    }
}

internal abstract class VectorMapping<T> : CustomMappingFactory<WholeVector<T>, VectorParts<T>>
{
    public override Action<WholeVector<T>, VectorParts<T>> GetMapping() => (whole, parts) => parts.Fill(whole.Vector);
}

[CustomMappingFactoryAttribute(Contract)]
internal sealed class ByteVectorMapping : VectorMapping<byte>
{
    public const string Contract = FixedSize.Prefix + "Byte/1";
}

[CustomMappingFactoryAttribute(Contract)]
internal sealed class Int32VectorMapping : VectorMapping<int>
{
    public const string Contract = FixedSize.Prefix + "Int32/1";
}

[CustomMappingFactoryAttribute(Contract)]
internal sealed class UInt64VectorMapping : VectorMapping<ulong>
{
    public const string Contract = FixedSize.Prefix + "UInt64/1";
}

[CustomMappingFactoryAttribute(Contract)]
internal sealed class SingleVectorMapping : VectorMapping<float>
{
    public const string Contract = FixedSize.Prefix + "Single/1";
}
