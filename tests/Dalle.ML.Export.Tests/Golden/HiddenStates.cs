using System.Text.RegularExpressions;
using Dalle.ML.Bundles;
using Dalle.ML.Onnx;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>
/// What the layers of a reference gave, one array a file, against what the same layers give inside the graphs of an exported bundle. A file
/// that no table of <see cref="HiddenState"/> tells a place in a graph for is an error.
/// </summary>
/// <param name="inter">The folder of the arrays, below the root of all reference data.</param>
internal sealed class HiddenStates(string inter) : IDisposable
{
    private readonly string _folder = Path.Combine(GoldenFolder.Root, inter);
    private readonly HashSet<string> _compared = [];
    private readonly List<OrtValue> _values = [];

    private IEnumerable<string> Names =>
        Directory.EnumerateFiles(_folder, "*.npy").Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal);

    /// <summary>Compares those of a transformer that runs all ids of its rows at once, from an empty cache.</summary>
    public void CompareDecoder(Bundle bundle, long[] ids, int rows, HiddenState[] table, params (string, OrtValue)[] context)
    {
        var (graph, sequence) = (bundle.Manifest.Decoder!, ids.Length / rows);
        Compare(bundle.PathOf(graph.File), table,
        [
            (graph.Ids, OrtValue.CreateTensorValueFromMemory(ids, [rows, sequence])),
            (graph.TotalLength!, OrtValue.CreateTensorValueFromMemory(new[] { sequence }, [1])),
            .. context,
        ]);
    }

    /// <summary>Compares those of a graph that takes one input, of which all rows are given.</summary>
    public IEnumerable<(string Name, OrtValue Value)> Compare<T>(string graph, HiddenState[] table, T[] input)
        where T : unmanaged
    {
        var declared = ModelProto.Parser.ParseFrom(File.ReadAllBytes(graph)).Graph.Input.Single();
        long[] row = [.. declared.Type.TensorType.Shape.Dim.Skip(1).Select(dimension => dimension.DimValue)];
        var rows = input.Length / row.Aggregate((product, size) => product * size);
        return Compare(graph, table, (declared.Name, OrtValue.CreateTensorValueFromMemory(input, [rows, .. row])));
    }

    /// <summary>Compares those that a table tells the place of in a graph.</summary>
    /// <param name="graph">The graph's file.</param>
    /// <param name="table">The first that fits a file's name holds.</param>
    /// <param name="inputs">The inputs, the first of which tells the number of rows; all others are caches, and empty.</param>
    /// <returns>The graph's own outputs.</returns>
    public IEnumerable<(string Name, OrtValue Value)> Compare(string graph, HiddenState[] table, params (string Name, OrtValue Value)[] inputs)
    {
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(graph));
        string[] outputs = [.. model.Graph.Output.Select(output => output.Name)];
        var states = Names
            .SelectMany(name => table.Where(state => state.Fits(name)).Take(1).Select(state => (name, state, inside: state.Find(name, model.Graph))))
            .ToArray();
        model.Graph.Output.AddRange(states.Select(item => item.inside).Distinct().Select(inside => new ValueInfoProto { Name = inside }));
        // Beside the graph, where its weights are.
        var copy = Path.ChangeExtension(graph, ".states.onnx");
        File.WriteAllBytes(copy, model.ToByteArray());

        var values = Run(copy, inputs);
        Assert.All(states, item =>
        {
            var (name, state, inside) = item;
            var expected = state.Expected(Npy.Read(Path.Combine(_folder, name + ".npy")));
            var actual = values[inside].GetTensorDataAsSpan<float>();
            Near.Values(expected, state.IsBeginning ? actual[..expected.Length] : actual, name);
        });
        _compared.UnionWith(states.Select(item => item.name));
        return outputs.Select(output => (output, values[output]));
    }

    /// <param name="folded">Those that the graphs do not have, because they compute what comes after in another way.</param>
    public void AssertNoneIsLeft(params string[] folded)
    {
        Assert.NotEmpty(_compared);
        Assert.Empty(Names.Except(_compared).Except(folded));
    }

    public void Dispose() => _values.ForEach(value => value.Dispose());

    private Dictionary<string, OrtValue> Run(string path, (string Name, OrtValue Value)[] inputs)
    {
        using var session = new InferenceSession(path);
        var rows = inputs[0].Value.GetTensorTypeAndShape().Shape[0];
        var caches = session.InputMetadata.ExceptBy(inputs.Select(input => input.Name), input => input.Key).Select(input =>
        {
            long[] shape = [.. input.Value.Dimensions.Select(size => size < 0 ? rows : size)];
            return (input.Key, OrtValue.CreateTensorValueFromMemory(new float[shape.Aggregate((product, size) => product * size)], shape));
        });
        (string Name, OrtValue Value)[] all = [.. inputs, .. caches];
        _values.AddRange(all.Select(input => input.Value));
        using var options = new RunOptions();
        var outputs = session.Run(options, [.. all.Select(input => input.Name)], [.. all.Select(input => input.Value)], session.OutputNames);
        _values.AddRange(outputs);
        return session.OutputNames.Zip(outputs).ToDictionary();
    }
}

/// <summary>Where a graph has what layers of a reference gave. The scopes of its nodes are modules, and the last node of one gives its result.</summary>
/// <param name="Name">A pattern of the layers' names.</param>
/// <param name="Node">How the names of nodes begin, with the groups of the pattern; it is the last of them.</param>
/// <param name="Part">What of a layer's array the graph has, if not all of it.</param>
/// <param name="IsBeginning">Whether the layer's array is the beginning of what the graph has.</param>
internal sealed record HiddenState(string Name, string Node, Func<Npy, float[]>? Part = null, bool IsBeginning = false)
{
    /// <summary>A head runs over the last of the positions [rows, positions, dim] alone.</summary>
    public static float[] LastPosition(Npy state) => Position(state, state.Shape[1] - 1);

    public static float[] Position(Npy state, int position) =>
        [.. state.Floats().Chunk(state.Shape[2]).Where((_, i) => i % state.Shape[1] == position).SelectMany(values => values)];

    public bool Fits(string name) => Match(name).Success;

    /// <summary>The name of the value.</summary>
    public string Find(string name, GraphProto graph)
    {
        var start = Match(name).Result(Node);
        var node = graph.Node.LastOrDefault(node => node.Name.StartsWith(start, StringComparison.Ordinal));
        Assert.True(node is not null, $"The graph {graph.Name} has no node '{start}…', which would be '{name}'.");
        return node.Output[0];
    }

    public float[] Expected(Npy state) => Part is null ? state.Floats() : Part(state);

    private Match Match(string name) => Regex.Match(name, $"^(?:{Name})$");
}
