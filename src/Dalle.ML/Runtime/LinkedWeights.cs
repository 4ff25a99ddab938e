using Dalle.ML.Bundles;
using Dalle.ML.Onnx;
using Google.Protobuf;

namespace Dalle.ML.Runtime;

/// <summary>
/// A graph's weights where the files of a bundle are links, as in caches of Hugging Face: ONNX Runtime takes weights only from the graph's own folder.
/// It follows the links of a file itself, but not those of a graph that it gets as bytes.
/// </summary>
internal static class LinkedWeights
{
    /// <summary>Finds the folder of the weights.</summary>
    /// <param name="bundle">The bundle.</param>
    /// <param name="file">The graph's file.</param>
    /// <param name="graph">The graph, made from the file.</param>
    /// <returns>The folder, and the graph with the names that its weights have there.</returns>
    public static (string Folder, byte[] Graph) Resolve(Bundle bundle, string file, byte[] graph)
    {
        var path = bundle.PathOf(file);
        if (File.ResolveLinkTarget(path, returnFinalTarget: true) is not { } target)
            return (Path.GetDirectoryName(path)!, graph);
        var model = ModelProto.Parser.ParseFrom(graph);
        foreach (var entry in model.Graph.Initializer.SelectMany(tensor => tensor.ExternalData).Where(entry => entry.Key == "location"))
        {
            if (File.ResolveLinkTarget(bundle.PathOf(entry.Value), returnFinalTarget: true) is { } weights)
                entry.Value = Path.GetFileName(weights.FullName);
        }
        return (Path.GetDirectoryName(target.FullName)!, model.ToByteArray());
    }
}
