using Dalle.ML.Bundles;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Runtime;

/// <summary>A graph that keeps nothing between runs, of several inputs and outputs that are told apart by name. Thread-safe.</summary>
internal sealed class NetworkSession(Bundle bundle, string file, DalleDevice device) : IDisposable
{
    private readonly InferenceSession _session = OrtRuntime.CreateSession(bundle, file, device);
    private readonly RunOptions _options = new();

    /// <summary>Runs the graph and adds all of its outputs to the tensors.</summary>
    /// <exception cref="DalleBundleException">The graph fails.</exception>
    public void Run(NamedTensors tensors)
    {
        var outputs = RunOutputs(tensors, _session.OutputNames);
        for (var i = 0; i < outputs.Count; i++)
            tensors.Add(_session.OutputNames[i], outputs[i]);
    }

    /// <summary>Runs the graph.</summary>
    /// <param name="tensors">Its inputs, and others.</param>
    /// <param name="output">Name of the output.</param>
    /// <returns>The values of the output.</returns>
    /// <exception cref="DalleBundleException">The graph fails.</exception>
    public T[] Run<T>(NamedTensors tensors, string output)
        where T : unmanaged
    {
        var outputs = RunOutputs(tensors, [output]);
        using var value = outputs[0];
        return value.GetTensorDataAsSpan<T>().ToArray();
    }

    public void Dispose()
    {
        _session.Dispose();
        _options.Dispose();
    }

    private IReadOnlyList<OrtValue> RunOutputs(NamedTensors tensors, IReadOnlyCollection<string> outputs)
    {
        try
        {
            var names = _session.InputNames;
            return [.. _session.Run(_options, names, [.. names.Select(tensors.Get)], outputs)];
        }
        catch (OnnxRuntimeException exception)
        {
            throw bundle.Error($"the graph '{file}' failed: {exception.Message}", exception);
        }
    }
}
