using Dalle.ML.Bundles;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Runtime;

/// <summary>The session of the text encoder: from prompt ids to what the decoder attends to. Thread-safe.</summary>
internal sealed class TextEncoderSession(Bundle bundle, TextEncoderGraph graph, DalleDevice device) : IDisposable
{
    // It runs once a prompt: copying mini's 0.7 GB of weights into place takes as long as twenty runs gain by it.
    private readonly InferenceSession _session = OrtRuntime.CreateSession(bundle, graph.File, device, packsWeights: false);
    private readonly RunOptions _options = new();

    /// <summary>Runs prompts.</summary>
    /// <param name="ids">Their ids, [rows, length].</param>
    /// <param name="rows">Number of prompts.</param>
    /// <param name="outputs">The tensors to fill, with as many rows, in the order of the manifest's names.</param>
    /// <exception cref="DalleBundleException">The graph fails.</exception>
    public void Run(long[] ids, int rows, IReadOnlyList<NativeTensor> outputs)
    {
        try
        {
            using var value = OrtValue.CreateTensorValueFromMemory(ids, [rows, ids.Length / rows]);
            using var binding = _session.CreateIoBinding();
            binding.BindInput(graph.Ids, value);
            foreach (var (name, output) in graph.Outputs.Zip(outputs))
                binding.BindOutput(name, output.Value);
            _session.RunWithBinding(_options, binding);
        }
        catch (OnnxRuntimeException exception)
        {
            throw bundle.Error($"the graph '{graph.File}' failed: {exception.Message}", exception);
        }
    }

    public void Dispose()
    {
        _session.Dispose();
        _options.Dispose();
    }
}
