using System.Numerics;
using System.Runtime.InteropServices;

namespace Dalle.ML.Benchmarks;

/// <summary>What the machine does at best, which the model's times are held against.</summary>
internal sealed class HardwareMeasurements : IDisposable
{
    private const int LargeArray = 64 << 20;
    private const int MatrixSide = 1024;
    private const int PartLength = 64 << 10;

    private readonly LargeProduct _product = new(MatrixSide);

    public HardwareMeasurements(BuiltInModel model)
    {
        Memory = Read("machine: read 256 MiB", LargeArray);
        Cache = Read("machine: read as much as the decoder's weights", (int)model.Decoder.Weights.Count);
        Products = Multiply($"machine: product of matrices of side {MatrixSide}");
    }

    public IEnumerable<Measurement> All => [Memory.Measurement, Cache.Measurement, Products.Measurement];

    /// <summary>Bytes read from an array that no cache holds, by all threads.</summary>
    public Bound Memory { get; }

    /// <summary>Bytes read again and again from an array that a cache may hold, as it may hold a small decoder.</summary>
    public Bound Cache { get; }

    /// <summary>Operations of ONNX Runtime's own product of two matrices: multiplications and additions.</summary>
    public Bound Products { get; }

    public void Dispose() => _product.Dispose();

    private static Bound Read(string name, int length)
    {
        var array = new Lazy<float[]>(() =>
        {
            var values = GC.AllocateUninitializedArray<float>(length);
            Array.Fill(values, 1);
            return values;
        });
        var bytes = (double)length * sizeof(float);
        return new Bound(new Measurement(name, "ms", Timing.Of(() => Sum(array.Value)))
        {
            Figures = (results, read) => Rate("gigabytesPerSecond", bytes / results.Median(read), "GB/s"),
        }, bytes);
    }

    private Bound Multiply(string name) => new(
        new Measurement(name, "ms", Timing.Of(() => _product.Multiply()))
        {
            Figures = (results, product) => Rate("gigaflops", _product.Operations / results.Median(product), "GFLOP/s"),
        },
        _product.Operations);

    /// <summary>A rate of bytes or operations, given by the millisecond, in thousands of millions by the second.</summary>
    public static IEnumerable<Figure> Rate(string key, double perMillisecond, string unit)
    {
        const double GigaPerSecond = 1e6;
        var value = perMillisecond / GigaPerSecond;
        yield return new Figure(key, value, $"{value:F1} {unit}");
    }

    private static float Sum(float[] values)
    {
        var parts = (values.Length + PartLength - 1) / PartLength;
        var sums = new float[parts];
        Parallel.For(0, parts, part =>
            sums[part] = SumOf(values.AsSpan(part * PartLength, Math.Min(PartLength, values.Length - part * PartLength))));
        return sums.Sum();
    }

    /// <summary>Several sums, so that the additions do not wait for each other. What does not fill all of them is left out.</summary>
    private static float SumOf(ReadOnlySpan<float> values)
    {
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(values);
        var (a, b, c, d) = (Vector<float>.Zero, Vector<float>.Zero, Vector<float>.Zero, Vector<float>.Zero);
        for (var i = 0; i + 4 <= vectors.Length; i += 4)
        {
            a += vectors[i];
            b += vectors[i + 1];
            c += vectors[i + 2];
            d += vectors[i + 3];
        }
        return Vector.Sum(a + b + c + d);
    }
}
