using System.Numerics;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Benchmarks;

/// <summary>What the machine does at best, which the model's times are held against.</summary>
internal sealed class HardwareMeasurements : IDisposable
{
    private const int LargeArray = 64 << 20;
    private const int MatrixSide = 1024;
    private const int PartLength = 64 << 10;

    private readonly Lazy<InferenceSession> _square = new(CreateSquare);
    private readonly RunOptions _options = new();

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

    public void Dispose()
    {
        if (_square.IsValueCreated)
            _square.Value.Dispose();
        _options.Dispose();
    }

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

    private Bound Multiply(string name)
    {
        var matrix = new float[MatrixSide * MatrixSide];
        Array.Fill(matrix, 1f / MatrixSide);
        const double Operations = 2.0 * MatrixSide * MatrixSide * MatrixSide;
        return new Bound(new Measurement(name, "ms", Timing.Of(() => Square(matrix)))
        {
            Figures = (results, product) => Rate("gigaflops", Operations / results.Median(product), "GFLOP/s"),
        }, Operations);
    }

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

    private float Square(float[] matrix)
    {
        using var x = OrtValue.CreateTensorValueFromMemory(matrix, [MatrixSide, MatrixSide]);
        using var y = _square.Value.Run(_options, ["x"], [x], ["y"]);
        return y[0].GetTensorDataAsSpan<float>()[0];
    }

    private static InferenceSession CreateSquare()
    {
        var path = Path.GetTempFileName();
        try
        {
            OnnxGraphs.WriteSquare(path, MatrixSide);
            return new InferenceSession(path);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
