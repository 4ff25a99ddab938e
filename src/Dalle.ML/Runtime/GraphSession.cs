using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Runtime;

/// <summary>A graph that keeps nothing between runs: one input tensor, one output tensor, batch axis first. Thread-safe.</summary>
internal sealed class GraphSession(string path, DalleDevice device) : IDisposable
{
    private static readonly RunOptions Defaults = new();

    private readonly InferenceSession _session = OrtRuntime.CreateSession(path, device);

    /// <summary>Runs the graph and hands out the output as one array.</summary>
    public TOutput[] Run<TInput, TOutput>(TInput[] input, params long[] shape)
        where TInput : unmanaged
        where TOutput : unmanaged
    {
        using var value = OrtValue.CreateTensorValueFromMemory(input, shape);
        using var outputs = _session.Run(Defaults, _session.InputNames, [value], _session.OutputNames);
        return outputs[0].GetTensorDataAsSpan<TOutput>().ToArray();
    }

    public void Dispose() => _session.Dispose();
}
