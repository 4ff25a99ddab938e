using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Dalle.ML.Runtime.Operators;

/// <summary>A matrix as <see cref="PanelProduct"/> reads it, from its beginning to its end: panels of 32 columns, line by line.</summary>
internal static unsafe class WeightPanels
{
    public const int Columns = 32;

    /// <summary>How much smaller the exponents of 32-bit floats are where those of 16 bits lie.</summary>
    private const int ExponentOffset = 127 - 15;

    private const int FractionBits = 10;
    private const int LargestExponent = 30;
    private const ushort Magnitude = 0x7FFF;

    /// <summary>Whether the processor is fast with them.</summary>
    public static bool IsSupported => Vector512.IsHardwareAccelerated;

    /// <summary>
    /// Orders a matrix of 16-bit floats. A line of a panel holds the columns 0 and 16, 1 and 17, … side by side, and all are multiplied with a power of two
    /// that makes them as large as they can be, so that hardly any is below the normal numbers, which processors are slow with.
    /// </summary>
    /// <param name="matrix">Its numbers, [depth, width].</param>
    /// <param name="depth">Number of lines.</param>
    /// <param name="width">Number of columns, a multiple of <see cref="Columns"/>.</param>
    /// <param name="panels">Room for as many numbers.</param>
    /// <returns>What products with the panels are multiplied with; null if the matrix has numbers that are not finite.</returns>
    public static float? Pack(ushort* matrix, int depth, int width, ushort* panels)
    {
        var exponent = Largest(matrix, (long)depth * width) >> FractionBits;
        if (exponent > LargestExponent)
            return null;
        var shift = LargestExponent - exponent;
        var power = Vector512.Create(MathF.ScaleB(1, shift));
        Parallel.For(0, width / Columns, panel =>
        {
            var source = matrix + panel * Columns;
            var target = panels + (long)panel * depth * Columns;
            for (var line = 0; line < depth; line++, source += width, target += Columns)
            {
                var (left, right) = Vector512.Widen(Vector512.Load(source));
                (Scale(left) | (Scale(right) << 16)).Store((uint*)target);
            }
        });
        return MathF.ScaleB(1, ExponentOffset - shift);

        Vector512<uint> Scale(Vector512<uint> halves)
        {
            var bits = (Widen(halves.AsInt32() << 16) * power).AsUInt32();
            return ((bits >> 16) & Vector512.Create(0x8000u)) | ((bits >> 13) & Vector512.Create((uint)Magnitude));
        }
    }

    /// <summary>
    /// The 32-bit floats whose exponent and fraction are those of 16-bit floats in the upper halves; the exponents are too small by
    /// <see cref="ExponentOffset"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Widen(Vector512<int> upper) => ((upper >> 3) & Vector512.Create(unchecked((int)0x8FFF_E000))).AsSingle();

    private static int Largest(ushort* matrix, long length)
    {
        var mask = Vector512.Create(Magnitude);
        var largest = Vector512<ushort>.Zero;
        var i = 0L;
        for (; i + Vector512<ushort>.Count <= length; i += Vector512<ushort>.Count)
            largest = Vector512.Max(largest, Vector512.Load(matrix + i) & mask);
        var result = 0;
        for (var lane = 0; lane < Vector512<ushort>.Count; lane++)
            result = Math.Max(result, largest[lane]);
        for (; i < length; i++)
            result = Math.Max(result, matrix[i] & Magnitude);
        return result;
    }
}
