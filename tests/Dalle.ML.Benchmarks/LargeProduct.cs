using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Benchmarks;

/// <summary>ONNX Runtime's own product of two square matrices: the most that the machine multiplies.</summary>
internal sealed class LargeProduct(int side = 2048) : IDisposable
{
    private readonly Lazy<InferenceSession> _session = new(() => CreateSession(side));
    private readonly Lazy<float[]> _matrix = new(() =>
    {
        var matrix = new float[side * side];
        Array.Fill(matrix, 1f / side);
        return matrix;
    });
    private readonly RunOptions _options = new();

    /// <summary>Multiplications and additions.</summary>
    public double Operations => 2.0 * side * side * side;

    public float Multiply()
    {
        using var x = OrtValue.CreateTensorValueFromMemory(_matrix.Value, [side, side]);
        using var y = _session.Value.Run(_options, ["x"], [x], ["y"]);
        return y[0].GetTensorDataAsSpan<float>()[0];
    }

    public void Dispose()
    {
        if (_session.IsValueCreated)
            _session.Value.Dispose();
        _options.Dispose();
    }

    private static InferenceSession CreateSession(int side)
    {
        var path = Path.GetTempFileName();
        try
        {
            OnnxGraphs.WriteSquare(path, side);
            return new InferenceSession(path);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
