using System.Runtime.InteropServices;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Quantization;

/// <summary>Matrix products with weights stored as small integers and scales.</summary>
internal static class QuantizedMatMul
{
    private const int BlockSize = 32;

    /// <summary>
    /// x W with W [in, out] as 8-bit numbers, symmetric, one scale per column; x is quantised dynamically, over the whole batch.
    /// </summary>
    public static string MatMul8(this GraphBuilder g, string x, Tensor weight)
    {
        const float Largest = sbyte.MaxValue;
        var (rows, columns) = (weight.Shape[0], weight.Shape[1]);
        var scales = new float[columns];
        for (var i = 0; i < weight.Values.Length; i++)
            scales[i % columns] = MathF.Max(scales[i % columns], MathF.Abs(weight.Values[i]) / Largest);
        var quantized = new sbyte[weight.Values.Length];
        Parallel.For(0, rows, row =>
        {
            for (var column = 0; column < columns; column++)
                quantized[row * columns + column] = (sbyte)MathF.Round(Ratio(weight.Values[row * columns + column], scales[column]));
        });
        return g.Contrib("DynamicQuantizeMatMul",
        [
            x,
            g.Weight("weight", DataType.Int8, weight.Shape, MemoryMarshal.AsBytes(quantized.AsSpan())),
            g.Weight("scale", new Tensor(scales, isFloat16: false, columns)),
        ]);
    }

    /// <summary>x W with W [in, out] as 4-bit numbers in blocks of 32 inputs, symmetric, one scale per block.</summary>
    public static string MatMul4(this GraphBuilder g, string x, Tensor weight)
    {
        // Numbers lie in −8..7 and are stored plus eight, two per byte, the first in the low nibble.
        const int Zero = 8;
        var (rows, columns) = (weight.Shape[0], weight.Shape[1]);
        var blocks = (rows + BlockSize - 1) / BlockSize;
        var scales = new float[columns * blocks];
        var packed = new byte[columns * blocks * BlockSize / 2];
        Parallel.For(0, columns, column =>
        {
            for (var block = 0; block < blocks; block++)
            {
                var first = block * BlockSize;
                var end = Math.Min(rows, first + BlockSize);
                var extreme = 0f;
                for (var row = first; row < end; row++)
                {
                    var value = weight.Values[row * columns + column];
                    extreme = MathF.Abs(value) > MathF.Abs(extreme) ? value : extreme;
                }
                // The extreme gets −8, of the side that reaches further.
                var scale = scales[column * blocks + block] = extreme / -Zero;
                for (var row = first; row < first + BlockSize; row++)
                {
                    var number = row < end ? Math.Clamp((int)MathF.Round(Ratio(weight.Values[row * columns + column], scale)), -Zero, Zero - 1) : 0;
                    packed[((column * blocks + block) * BlockSize + row - first) / 2] |= (byte)((number + Zero) << (row % 2 * 4));
                }
            }
        });
        return g.Contrib("MatMulNBits",
            [
                x,
                g.Weight("weight", DataType.Uint8, [columns, blocks, BlockSize / 2], packed),
                g.Weight("scale", new Tensor(scales, isFloat16: false, columns * blocks)),
            ],
            attributes: [("K", rows), ("N", columns), ("bits", 4), ("block_size", BlockSize), ("accuracy_level", 4)]);
    }

    private static float Ratio(float value, float scale) => scale == 0 ? 0 : value / scale;
}
