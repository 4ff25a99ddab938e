using Dalle.ML.Runtime;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Dalle.ML.Benchmarks;

/// <summary>Reads and writes a large tensor that stays on a device: how fast its memory is.</summary>
internal sealed class DeviceCopy : IDisposable
{
    /// <summary>Bytes that a run reads and writes.</summary>
    public const long Bytes = 2L * Side * Side * sizeof(float);

    private const int Side = 16 << 10;

    private readonly InferenceSession _session;
    private readonly TensorMemory _memory;
    private readonly NativeTensor _x;
    private readonly NativeTensor _y;
    private readonly OrtIoBinding _binding;
    private readonly RunOptions _options = new();

    public DeviceCopy(DalleDevice device)
    {
        using var options = new SessionOptions();
        CudaProvider.Use(device, options);
        var path = Path.GetTempFileName();
        try
        {
            OnnxGraphs.WriteNegative(path, Side);
            _session = new InferenceSession(path, options);
        }
        finally
        {
            File.Delete(path);
        }
        _memory = TensorMemory.Of(_session, _session.GetMemoryInfosForInputs().Single());
        (_x, _y) = (NewMatrix(), NewMatrix());
        _binding = _session.CreateIoBinding();
        _binding.BindInput("x", _x.Value);
        _binding.BindOutput("y", _y.Value);

        NativeTensor NewMatrix() => new(_memory, TensorElementType.Float, Side, Side);
    }

    public void Run() => _session.RunWithBinding(_options, _binding);

    public void Dispose()
    {
        _binding.Dispose();
        _x.Dispose();
        _y.Dispose();
        _memory.Dispose();
        _session.Dispose();
        _options.Dispose();
    }
}
