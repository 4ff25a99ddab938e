using System.Globalization;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Onnx;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Training.Checkpoints;

/// <summary>
/// The weights of an exported graph, each by the node that takes it: names of weights do not tell, for a graph has equal ones only once, under
/// the name of the first.
/// </summary>
internal sealed class GraphWeights : IDisposable
{
    private readonly string _path;
    private readonly Dictionary<string, NodeProto> _nodes = [];
    private readonly Dictionary<string, TensorProto> _weights = [];
    private readonly Dictionary<string, CheckpointFile> _files = [];

    /// <param name="path">A graph of a bundle that was verified: its weights lie in files of the bundle.</param>
    public GraphWeights(string path)
    {
        _path = path;
        using var file = File.OpenRead(path);
        var graph = ModelProto.Parser.ParseFrom(file).Graph;
        foreach (var node in graph.Node)
            _nodes.TryAdd(node.Name, node);
        foreach (var weight in graph.Initializer)
            _weights.TryAdd(weight.Name, weight);
    }

    /// <summary>Whether there is a node of this name.</summary>
    public bool Has(string node) => _nodes.ContainsKey(node);

    /// <summary>The number of inputs of a node, those that it leaves out between them included.</summary>
    /// <exception cref="InvalidDataException">There is no such node.</exception>
    public int InputsOf(string node) => Find(node).Input.Count;

    /// <summary>Reads the weight that a node takes.</summary>
    /// <param name="node">Its name.</param>
    /// <param name="input">Number of the input.</param>
    /// <param name="shape">The sizes that it must have; −1 for any.</param>
    /// <exception cref="InvalidDataException">There is no such node, or what it takes there is no weight of this shape.</exception>
    public Tensor Read(string node, int input, params int[] shape)
    {
        var name = Find(node).Input.ElementAtOrDefault(input) ?? "";
        // Halves are widened first in graphs that compute in floats.
        if (_nodes.TryGetValue(name, out var cast) && cast is { OpType: "Cast", Input: [var narrow] })
            name = narrow;
        if (!_weights.TryGetValue(name, out var weight))
            throw Unlike($"input {input} of '{node}' is not a weight");
        if (weight.Dims.Count != shape.Length || weight.Dims.Zip(shape).Any(size => size.First < 1 || (size.Second >= 0 && size.First != size.Second)))
            throw Unlike($"the weight of '{node}' has the shape [{string.Join(", ", weight.Dims)}]; [{string.Join(", ", shape.Select(size => size < 0 ? "?" : $"{size}"))}] was expected");
        var type = (DataType)weight.DataType switch
        {
            DataType.Float => ElementType.F32,
            DataType.Float16 => ElementType.F16,
            _ => throw Unlike($"the weight of '{node}' is not of floats"),
        };
        var place = weight.ExternalData.GroupBy(entry => entry.Key).ToDictionary(entries => entries.Key, entries => entries.Last().Value);
        if (!place.TryGetValue("location", out var location) || Number("offset") is not { } offset || Number("length") is not { } length)
            throw Unlike($"the weight of '{node}' does not lie in a file beside it");
        var file = FileOf(location);
        return offset <= file.Length && length <= file.Length - offset
            ? StoredTensor.Whole(Storage.Of(file, type, offset, length), weight.Dims).Read()
            : throw Unlike($"the weight of '{node}' is outside of '{location}'");

        long? Number(string key) => long.TryParse(place.GetValueOrDefault(key), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    public void Dispose()
    {
        foreach (var file in _files.Values)
            file.Dispose();
    }

    private NodeProto Find(string node) => _nodes.GetValueOrDefault(node) ?? throw Unlike($"it has no node '{node}'");

    private CheckpointFile FileOf(string location)
    {
        if (!_files.TryGetValue(location, out var file))
            _files.Add(location, file = new CheckpointFile(Path.Combine(Path.GetDirectoryName(_path)!, location)));
        return file;
    }

    private InvalidDataException Unlike(string reason) => new($"The graph '{_path}' is not as 'dalle export dalle' writes it, so its weights cannot be trained further: {reason}.");
}
