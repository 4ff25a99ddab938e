using Dalle.ML.Bundles;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Runtime;

/// <summary>A graph that keeps nothing between runs: one input tensor, one output tensor, batch axis first. Thread-safe.</summary>
internal sealed class GraphSession(Bundle bundle, string file, string input, string output, DalleDevice device, byte[]? graph = null) : IDisposable
{
    private readonly InferenceSession _session = OrtRuntime.CreateSession(bundle, file, device, graph);

    // Not static: the first object of ONNX Runtime must be one that OrtRuntime makes, which says what is missing.
    private readonly RunOptions _options = new();

    /// <summary>Runs the graph on one example.</summary>
    /// <param name="values">The input, in row-major order.</param>
    /// <param name="shape">Shape of the input.</param>
    /// <param name="result">Filled with the output, which must have as many values.</param>
    /// <exception cref="DalleBundleException">The graph fails, or its output does not match the bundle.</exception>
    public void Run<TInput, TOutput>(TInput[] values, long[] shape, Span<TOutput> result)
        where TInput : unmanaged
        where TOutput : unmanaged
    {
        try
        {
            using var value = OrtValue.CreateTensorValueFromMemory(values, shape);
            using var outputs = _session.Run(_options, [input], [value], [output]);
            var given = outputs[0].GetTensorDataAsSpan<TOutput>();
            if (given.Length != result.Length)
                throw bundle.Error($"the graph '{file}' returned {given.Length} values for '{output}' instead of {result.Length}.");
            given.CopyTo(result);
        }
        catch (OnnxRuntimeException exception)
        {
            throw bundle.Error($"the graph '{file}' failed: {exception.Message}", exception);
        }
    }

    public void Dispose()
    {
        _session.Dispose();
        _options.Dispose();
    }
}
