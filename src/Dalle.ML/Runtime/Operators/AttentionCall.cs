using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Dalle.ML.Runtime.Operators;

/// <summary>
/// One call of attention: B rows of S new positions, whose keys and values are appended to caches and which then attend to all up to themselves. What
/// a row and a head give does not depend on the others, so that a row gives the same bits in any batch.
/// </summary>
/// <remarks>
/// A step is as fast as memory is read. The caches therefore have all heads of a position side by side, which makes what is read of a row one run, and the
/// positions of a prompt that several rows share are read of the first of them, which the processor's cache then holds.
/// </remarks>
internal unsafe struct AttentionCall
{
    /// <summary>The head size is a multiple of it.</summary>
    public const int Lanes = 16;

    public int Rows;
    public int Heads;
    public int Sequence;
    public int HeadSize;
    public int Capacity;

    /// <summary>Number of tasks that share the heads of a row.</summary>
    public int Groups;

    /// <summary>Distance of two positions in <see cref="Query"/>, <see cref="Key"/> and <see cref="Value"/>.</summary>
    public int Stride;

    public float Scale;
    public float* Query;
    public float* Key;
    public float* Value;

    /// <summary>The caches, [B, capacity, heads, head size].</summary>
    public float* Keys;
    public float* Values;

    /// <summary>Index of each row's last position.</summary>
    public int* Last;

    /// <summary>Per row a row with the same beginning, and how many positions that has.</summary>
    public int* Shared;

    /// <summary>Added to the scores, [S, positions]; null if nothing is.</summary>
    public float* Bias;

    /// <summary>What is attended to, [B, S, heads · head size].</summary>
    public float* Result;

    private readonly int Width => Heads * HeadSize;

    /// <summary>Computes some heads of a row.</summary>
    /// <param name="task">One of B · <see cref="Groups"/>.</param>
    [SkipLocalsInit]
    public readonly void Run(int task)
    {
        var (row, group) = (task / Groups, task % Groups);
        var first = Heads * group / Groups;
        var heads = Heads * (group + 1) / Groups - first;
        var offset = first * HeadSize;
        var capacity = (long)Capacity * Width;
        var keys = Keys + row * capacity + offset;
        var values = Values + row * capacity + offset;
        var total = Last[row] + 1;
        var past = total - Sequence;
        var start = (long)row * Sequence * Stride + offset;
        Append(Key + start, keys, past, heads * HeadSize);
        Append(Value + start, values, past, heads * HeadSize);

        var shared = Shared[2 * row] * capacity + offset;
        var sharedLength = Math.Min(Shared[2 * row + 1], past);
        var padded = (total + Lanes - 1) / Lanes * Lanes;
        var scores = stackalloc float[heads * padded];
        for (var i = 0; i < Sequence; i++)
        {
            var position = (long)row * Sequence + i;
            var query = Query + position * Stride + offset;
            var length = past + i + 1;
            Score(query, heads, Keys + shared, 0, sharedLength, scores, padded);
            Score(query, heads, keys, sharedLength, length, scores, padded);
            for (var head = 0; head < heads; head++)
            {
                if (Bias != null)
                    Add(Bias + (long)i * total, length, scores + head * padded);
                Softmax(scores + head * padded, length);
            }
            var result = Result + position * Width + offset;
            new Span<float>(result, heads * HeadSize).Clear();
            Sum(scores, padded, heads, Values + shared, 0, sharedLength, result);
            Sum(scores, padded, heads, values, sharedLength, length, result);
        }
    }

    /// <summary>Puts the new positions of some heads behind the old ones.</summary>
    private readonly void Append(float* source, float* cache, int past, int length)
    {
        for (var i = 0; i < Sequence; i++)
            new ReadOnlySpan<float>(source + (long)i * Stride, length).CopyTo(new Span<float>(cache + (long)(past + i) * Width, length));
    }

    /// <summary>The products of the heads' queries with their keys from one position up to another, scaled.</summary>
    private readonly void Score(float* query, int heads, float* keys, int position, int end, float* scores, int padded)
    {
        var scale = Vector128.Create(Scale);
        for (; position + 4 <= end; position += 4)
        {
            for (var head = 0; head < heads; head++)
            {
                var q = query + head * HeadSize;
                var k = keys + (long)position * Width + head * HeadSize;
                var sums = Sums(Product(q, k), Product(q, k + Width), Product(q, k + 2 * Width), Product(q, k + 3 * Width));
                (sums * scale).Store(scores + head * padded + position);
            }
        }
        for (; position < end; position++)
        {
            for (var head = 0; head < heads; head++)
            {
                var product = Product(query + head * HeadSize, keys + (long)position * Width + head * HeadSize);
                scores[head * padded + position] = (Sums(product, product, product, product) * scale)[0];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly Vector512<float> Product(float* query, float* key)
    {
        var sum = Vector512.Load(query) * Vector512.Load(key);
        for (var i = Lanes; i < HeadSize; i += Lanes)
            sum = Vector512.FusedMultiplyAdd(Vector512.Load(query + i), Vector512.Load(key + i), sum);
        return sum;
    }

    /// <summary>The sum of each vector's elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Sums(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d)
    {
        return Sse3.IsSupported
            ? Sse3.HorizontalAdd(Sse3.HorizontalAdd(Quarter(a), Quarter(b)), Sse3.HorizontalAdd(Quarter(c), Quarter(d)))
            : Vector128.Create(Vector128.Sum(Quarter(a)), Vector128.Sum(Quarter(b)), Vector128.Sum(Quarter(c)), Vector128.Sum(Quarter(d)));

        static Vector128<float> Quarter(Vector512<float> x)
        {
            var half = x.GetLower() + x.GetUpper();
            return half.GetLower() + half.GetUpper();
        }
    }

    private static void Add(float* bias, int length, float* scores)
    {
        for (var position = 0; position < length; position++)
            scores[position] += bias[position];
    }

    /// <summary>Turns scores into weights that sum to one.</summary>
    private static void Softmax(float* scores, int length)
    {
        var end = (length + Lanes - 1) / Lanes * Lanes;
        new Span<float>(scores + length, end - length).Fill(float.NegativeInfinity);
        var largest = Vector512.Load(scores);
        for (var i = Lanes; i < end; i += Lanes)
            largest = Vector512.Max(largest, Vector512.Load(scores + i));
        var offset = Vector512.Create(Max(largest));
        var sum = Vector512<float>.Zero;
        for (var i = 0; i < end; i += Lanes)
        {
            var weight = Vector512.Exp(Vector512.Load(scores + i) - offset);
            sum += weight;
            weight.Store(scores + i);
        }
        var factor = Vector512.Create(1 / Vector512.Sum(sum));
        for (var i = 0; i < end; i += Lanes)
            (Vector512.Load(scores + i) * factor).Store(scores + i);

        static float Max(Vector512<float> x)
        {
            var half = Vector256.Max(x.GetLower(), x.GetUpper());
            var quarter = Vector128.Max(half.GetLower(), half.GetUpper());
            return MathF.Max(MathF.Max(quarter[0], quarter[1]), MathF.Max(quarter[2], quarter[3]));
        }
    }

    /// <summary>Adds the heads' values from one position up to another, each times its weight.</summary>
    private readonly void Sum(float* weights, int padded, int heads, float* values, int position, int end, float* result)
    {
        for (; position + 4 <= end; position += 4)
        {
            for (var head = 0; head < heads; head++)
            {
                var weight = weights + head * padded + position;
                var (a, b, c, d) = (Vector512.Create(weight[0]), Vector512.Create(weight[1]), Vector512.Create(weight[2]), Vector512.Create(weight[3]));
                var value = values + (long)position * Width + head * HeadSize;
                for (var i = 0; i < HeadSize; i += Lanes)
                {
                    var sum = Vector512.Load(result + head * HeadSize + i);
                    sum = Vector512.FusedMultiplyAdd(a, Vector512.Load(value + i), sum);
                    sum = Vector512.FusedMultiplyAdd(b, Vector512.Load(value + Width + i), sum);
                    sum = Vector512.FusedMultiplyAdd(c, Vector512.Load(value + 2 * Width + i), sum);
                    sum = Vector512.FusedMultiplyAdd(d, Vector512.Load(value + 3 * Width + i), sum);
                    sum.Store(result + head * HeadSize + i);
                }
            }
        }
        for (; position < end; position++)
        {
            for (var head = 0; head < heads; head++)
            {
                var weight = Vector512.Create(weights[head * padded + position]);
                var value = values + (long)position * Width + head * HeadSize;
                for (var i = 0; i < HeadSize; i += Lanes)
                    Vector512.FusedMultiplyAdd(weight, Vector512.Load(value + i), Vector512.Load(result + head * HeadSize + i)).Store(result + head * HeadSize + i);
            }
        }
    }
}
