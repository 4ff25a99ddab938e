using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Benchmarks;

/// <summary>ONNX Runtime's own product of two square matrices: the most that the machine multiplies.</summary>
internal sealed class LargeProduct : IDisposable
{
    /// <summary>Multiplications and additions.</summary>
    public const double Operations = 2.0 * Side * Side * Side;

    private const int Side = 2048;

    private readonly Lazy<InferenceSession> _session = new(CreateSession);
    private readonly Lazy<float[]> _matrix = new(() =>
    {
        var matrix = new float[Side * Side];
        Array.Fill(matrix, 1f / Side);
        return matrix;
    });
    private readonly RunOptions _options = new();

    public float Multiply()
    {
        using var x = OrtValue.CreateTensorValueFromMemory(_matrix.Value, [Side, Side]);
        using var y = _session.Value.Run(_options, ["x"], [x], ["y"]);
        return y[0].GetTensorDataAsSpan<float>()[0];
    }

    public void Dispose()
    {
        if (_session.IsValueCreated)
            _session.Value.Dispose();
        _options.Dispose();
    }

    private static InferenceSession CreateSession()
    {
        var path = Path.GetTempFileName();
        try
        {
            OnnxGraphs.WriteSquare(path, Side);
            // Unless the number is given, ONNX Runtime ties its threads to cores, and the calling thread may be on the same one.
            using var options = new SessionOptions { IntraOpNumThreads = Environment.ProcessorCount };
            return new InferenceSession(path, options);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
