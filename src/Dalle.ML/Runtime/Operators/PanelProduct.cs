using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Dalle.ML.Runtime.Operators;

/// <summary>
/// A product of rows with a matrix of 16-bit floats, computed in 32 bits. The weights are widened as they are read, so that a step of one row takes half the
/// time of those of 32. Each sum runs along the row in one order, so that a row gives the same bits in any batch.
/// </summary>
internal unsafe struct PanelProduct
{
    /// <summary>Rows that go through a panel together. More share a block of it.</summary>
    private const int TileRows = 8;

    /// <summary>Panels that are read side by side for a single row: what comes of one run of memory does not keep a core busy.</summary>
    private const int PanelsAbreast = 4;

    // More tasks than threads, so that one that is held up does not hold up all.
    private const int TasksPerThread = 4;

    /// <summary>So many lines of a panel fit the processor's first cache beside the rows.</summary>
    private const int BlockDepth = 128;

    /// <summary>How far ahead lines are asked for.</summary>
    private const int LinesAhead = 32;

    public int Rows;
    public int Depth;
    public int Width;
    public int Tasks;

    /// <summary>[rows, depth].</summary>
    public float* Input;

    /// <summary>The panels of <see cref="WeightPanels"/>.</summary>
    public ushort* Weights;

    /// <summary>What sums are multiplied with.</summary>
    public float Factor;

    /// <summary>[rows, width].</summary>
    public float* Result;

    private interface ITile
    {
        static abstract int Rows { get; }
    }

    private interface IPanel
    {
        /// <summary>Both halves of a line.</summary>
        void Read(int line, out Vector512<float> low, out Vector512<float> high);

        /// <summary>Asks for the lines that come later: with much arithmetic a line, the processor does not look ahead far enough by itself.</summary>
        void Prefetch(int line);
    }

    /// <summary>In how many tasks to divide a product; of one row each has panels to read side by side, as far as all threads have work.</summary>
    public static int TasksFor(int rows, int panels, int threads) =>
        Math.Min(rows == 1 && panels >= threads * PanelsAbreast ? panels / PanelsAbreast : panels, threads * TasksPerThread);

    /// <summary>Computes some of the panels.</summary>
    /// <param name="task">One of <see cref="Tasks"/>.</param>
    public readonly void Run(int task)
    {
        var panels = (long)Width / WeightPanels.Columns;
        var (first, end) = (panels * task / Tasks, panels * (task + 1) / Tasks);
        if (Rows == 1)
        {
            for (; first + PanelsAbreast <= end; first += PanelsAbreast)
                MultiplyAbreast(first);
        }
        for (; first < end; first++)
        {
            var weights = Weights + first * Depth * WeightPanels.Columns;
            var result = Result + first * WeightPanels.Columns;
            if (Rows > TileRows)
                WidenInBlocks(weights, result);
            else
                Multiply(Input, Rows, new Halves(weights), Depth, result, Factor, adds: false);
        }
    }

    /// <summary>One row with panels side by side; each sum runs as it does where a panel is read by itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void MultiplyAbreast(long panel)
    {
        const int Half = WeightPanels.Columns / 2;
        var run = (long)Depth * WeightPanels.Columns;
        var weights = Weights + panel * run;
        Halves p0 = new(weights), p1 = new(weights + run), p2 = new(weights + 2 * run), p3 = new(weights + 3 * run);
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
        for (var k = 0; k < Depth; k++)
        {
            var x = Vector512.Create(Input[k]);
            p0.Read(k, out var low, out var high);
            a0 = Vector512.FusedMultiplyAdd(low, x, a0);
            b0 = Vector512.FusedMultiplyAdd(high, x, b0);
            p1.Read(k, out low, out high);
            a1 = Vector512.FusedMultiplyAdd(low, x, a1);
            b1 = Vector512.FusedMultiplyAdd(high, x, b1);
            p2.Read(k, out low, out high);
            a2 = Vector512.FusedMultiplyAdd(low, x, a2);
            b2 = Vector512.FusedMultiplyAdd(high, x, b2);
            p3.Read(k, out low, out high);
            a3 = Vector512.FusedMultiplyAdd(low, x, a3);
            b3 = Vector512.FusedMultiplyAdd(high, x, b3);
        }
        var y = Result + panel * WeightPanels.Columns;
        var scale = Vector512.Create(Factor);
        (a0 * scale).Store(y);
        (b0 * scale).Store(y + Half);
        (a1 * scale).Store(y + 2 * Half);
        (b1 * scale).Store(y + 3 * Half);
        (a2 * scale).Store(y + 4 * Half);
        (b2 * scale).Store(y + 5 * Half);
        (a3 * scale).Store(y + 6 * Half);
        (b3 * scale).Store(y + 7 * Half);
    }

    [SkipLocalsInit]
    private readonly void WidenInBlocks(ushort* weights, float* result)
    {
        var block = stackalloc float[BlockDepth * WeightPanels.Columns];
        for (var start = 0; start < Depth; start += BlockDepth)
        {
            var depth = Math.Min(BlockDepth, Depth - start);
            var source = new Halves(weights + (long)start * WeightPanels.Columns);
            for (var line = 0; line < depth; line++)
            {
                source.Read(line, out var low, out var high);
                low.Store(block + line * WeightPanels.Columns);
                high.Store(block + line * WeightPanels.Columns + Vector512<float>.Count);
            }
            MultiplyBlock(block, start, depth, result);
        }
    }

    /// <summary>Adds what some lines of a panel give.</summary>
    private readonly void MultiplyBlock(float* block, int start, int depth, float* result)
    {
        var factor = start + depth == Depth ? Factor : 1;
        for (var row = 0; row < Rows; row += TileRows)
        {
            var input = Input + (long)row * Depth + start;
            Multiply(input, Math.Min(TileRows, Rows - row), new Floats(block), depth, result + (long)row * Width, factor, adds: start > 0);
        }
    }

    private readonly void Multiply<TPanel>(float* input, int rows, TPanel panel, int depth, float* result, float factor, bool adds)
        where TPanel : struct, IPanel
    {
        if (rows > 4)
            Multiply<Eight, TPanel>(input, rows, panel, depth, result, factor, adds);
        else if (rows > 2)
            Multiply<Four, TPanel>(input, rows, panel, depth, result, factor, adds);
        else if (rows > 1)
            Multiply<Two, TPanel>(input, rows, panel, depth, result, factor, adds);
        else
            Multiply<One, TPanel>(input, rows, panel, depth, result, factor, adds);
    }

    /// <summary>All sums of a tile are in registers. Where there are fewer rows, the last stands for those that are missing.</summary>
    // A step must not begin with code that is compiled in haste.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Multiply<TTile, TPanel>(float* input, int rows, TPanel panel, int depth, float* result, float factor, bool adds)
        where TTile : struct, ITile
        where TPanel : struct, IPanel
    {
        const int Half = WeightPanels.Columns / 2;
        var (last, inputs, results) = (rows - 1, (long)Depth, (long)Width);
        float* x0 = input, x1 = input + Math.Min(1, last) * inputs, x2 = input + Math.Min(2, last) * inputs, x3 = input + Math.Min(3, last) * inputs;
        float* x4 = input + Math.Min(4, last) * inputs, x5 = input + Math.Min(5, last) * inputs, x6 = input + Math.Min(6, last) * inputs, x7 = input + last * inputs;
        float* y0 = result, y1 = result + Math.Min(1, last) * results, y2 = result + Math.Min(2, last) * results, y3 = result + Math.Min(3, last) * results;
        float* y4 = result + Math.Min(4, last) * results, y5 = result + Math.Min(5, last) * results, y6 = result + Math.Min(6, last) * results, y7 = result + last * results;
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
        Vector512<float> b0 = default, b1 = default, b2 = default, b3 = default, b4 = default, b5 = default, b6 = default, b7 = default;
        if (adds)
        {
            (a0, b0) = (Vector512.Load(y0), Vector512.Load(y0 + Half));
            if (TTile.Rows > 1)
                (a1, b1) = (Vector512.Load(y1), Vector512.Load(y1 + Half));
            if (TTile.Rows > 2)
                (a2, b2, a3, b3) = (Vector512.Load(y2), Vector512.Load(y2 + Half), Vector512.Load(y3), Vector512.Load(y3 + Half));
            if (TTile.Rows > 4)
            {
                (a4, b4, a5, b5) = (Vector512.Load(y4), Vector512.Load(y4 + Half), Vector512.Load(y5), Vector512.Load(y5 + Half));
                (a6, b6, a7, b7) = (Vector512.Load(y6), Vector512.Load(y6 + Half), Vector512.Load(y7), Vector512.Load(y7 + Half));
            }
        }
        for (var k = 0; k < depth; k++)
        {
            panel.Read(k, out var low, out var high);
            if (TTile.Rows > 2)
                panel.Prefetch(k);
            var x = Vector512.Create(x0[k]);
            a0 = Vector512.FusedMultiplyAdd(low, x, a0);
            b0 = Vector512.FusedMultiplyAdd(high, x, b0);
            if (TTile.Rows > 1)
            {
                x = Vector512.Create(x1[k]);
                a1 = Vector512.FusedMultiplyAdd(low, x, a1);
                b1 = Vector512.FusedMultiplyAdd(high, x, b1);
            }
            if (TTile.Rows > 2)
            {
                x = Vector512.Create(x2[k]);
                a2 = Vector512.FusedMultiplyAdd(low, x, a2);
                b2 = Vector512.FusedMultiplyAdd(high, x, b2);
                x = Vector512.Create(x3[k]);
                a3 = Vector512.FusedMultiplyAdd(low, x, a3);
                b3 = Vector512.FusedMultiplyAdd(high, x, b3);
            }
            if (TTile.Rows > 4)
            {
                x = Vector512.Create(x4[k]);
                a4 = Vector512.FusedMultiplyAdd(low, x, a4);
                b4 = Vector512.FusedMultiplyAdd(high, x, b4);
                x = Vector512.Create(x5[k]);
                a5 = Vector512.FusedMultiplyAdd(low, x, a5);
                b5 = Vector512.FusedMultiplyAdd(high, x, b5);
                x = Vector512.Create(x6[k]);
                a6 = Vector512.FusedMultiplyAdd(low, x, a6);
                b6 = Vector512.FusedMultiplyAdd(high, x, b6);
                x = Vector512.Create(x7[k]);
                a7 = Vector512.FusedMultiplyAdd(low, x, a7);
                b7 = Vector512.FusedMultiplyAdd(high, x, b7);
            }
        }
        var scale = Vector512.Create(factor);
        Store(a0, b0, y0);
        if (TTile.Rows > 1)
            Store(a1, b1, y1);
        if (TTile.Rows > 2)
        {
            Store(a2, b2, y2);
            Store(a3, b3, y3);
        }
        if (TTile.Rows > 4)
        {
            Store(a4, b4, y4);
            Store(a5, b5, y5);
            Store(a6, b6, y6);
            Store(a7, b7, y7);
        }

        void Store(Vector512<float> a, Vector512<float> b, float* y)
        {
            (a * scale).Store(y);
            (b * scale).Store(y + Half);
        }
    }

    private readonly struct One : ITile
    {
        public static int Rows => 1;
    }

    private readonly struct Two : ITile
    {
        public static int Rows => 2;
    }

    private readonly struct Four : ITile
    {
        public static int Rows => 4;
    }

    private readonly struct Eight : ITile
    {
        public static int Rows => 8;
    }

    private readonly struct Halves(ushort* weights) : IPanel
    {
        private readonly ushort* _weights = weights;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Read(int line, out Vector512<float> low, out Vector512<float> high)
        {
            var pairs = Vector512.Load((int*)(_weights + (long)line * WeightPanels.Columns));
            (low, high) = (WeightPanels.Widen(pairs << 16), WeightPanels.Widen(pairs));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Prefetch(int line)
        {
            if (Sse.IsSupported)
                Sse.Prefetch0(_weights + (line + (long)LinesAhead) * WeightPanels.Columns);
        }
    }

    private readonly struct Floats(float* weights) : IPanel
    {
        private readonly float* _weights = weights;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Read(int line, out Vector512<float> low, out Vector512<float> high)
        {
            var start = _weights + (long)line * WeightPanels.Columns;
            (low, high) = (Vector512.Load(start), Vector512.Load(start + Vector512<float>.Count));
        }

        // A block lies in the first cache.
        public void Prefetch(int line)
        {
        }
    }
}
