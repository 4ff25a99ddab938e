using Dalle.ML.Models;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Runtime;

/// <summary>The text encoder's session: from a prompt's ids to what the decoder attends to. Thread-safe.</summary>
internal sealed class TextEncoderSession(Bundle bundle, TextEncoderGraph graph, DalleDevice device) : IDisposable
{
    private static readonly RunOptions Defaults = new();

    private readonly InferenceSession _session = OrtRuntime.CreateSession(bundle, graph.File, device);

    /// <summary>Runs one prompt; the caller disposes the outputs, which come in the order of the manifest's names.</summary>
    /// <exception cref="DalleBundleException">The graph fails.</exception>
    public IDisposableReadOnlyCollection<OrtValue> Run(long[] ids)
    {
        try
        {
            using var value = OrtValue.CreateTensorValueFromMemory(ids, [1, ids.Length]);
            return _session.Run(Defaults, [graph.Ids], [value], graph.Outputs);
        }
        catch (OnnxRuntimeException exception)
        {
            throw bundle.Error($"the graph '{graph.File}' failed: {exception.Message}", exception);
        }
    }

    public void Dispose() => _session.Dispose();
}
