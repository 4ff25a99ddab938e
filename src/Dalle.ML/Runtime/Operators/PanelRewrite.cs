using System.Globalization;
using Dalle.ML.Bundles;
using Dalle.ML.Onnx;
using Google.Protobuf.Collections;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Runtime.Operators;

/// <summary>
/// Puts <see cref="PanelMatMulOperator"/> into a graph that computes in 32 bits, for each product with a matrix that is stored in 16. ONNX Runtime would
/// widen it once, and read twice as much at each step. Matrices of 32 bits gain less at a step than their ordering takes at the start.
/// </summary>
internal static class PanelRewrite
{
    private const string Suffix = "/panels";

    /// <summary>Rewrites a graph.</summary>
    /// <param name="model">The graph.</param>
    /// <param name="bundle">Where its weights lie.</param>
    /// <returns>The matrices of its products by their new names; sessions with the graph need them as long as they live.</returns>
    public static Dictionary<string, NativeTensor> Apply(ModelProto model, Bundle bundle)
    {
        var graph = model.Graph;
        var stored = graph.Initializer.Where(IsMatrix).DistinctBy(tensor => tensor.Name).ToDictionary(tensor => tensor.Name);
        var factors = new Dictionary<string, TensorProto>();
        foreach (var cast in graph.Node.Where(node => node is { OpType: "Cast", Input.Count: 1, Output.Count: 1 }))
        {
            if (stored.TryGetValue(cast.Input[0], out var tensor))
                factors.TryAdd(cast.Output[0], tensor);
        }

        var packed = new Dictionary<string, Panels?>();
        foreach (var node in graph.Node.Where(node => node is { OpType: "MatMul", Input.Count: 2 } && factors.ContainsKey(node.Input[1])))
        {
            var tensor = factors[node.Input[1]];
            if (!packed.TryGetValue(tensor.Name, out var panels))
                packed[tensor.Name] = panels = Pack(tensor, bundle);
            if (panels is null)
                continue;
            (node.OpType, node.Domain) = (PanelMatMulOperator.Name, OwnOperators.Domain);
            node.Input[1] = tensor.Name + Suffix;
            node.Attribute.Add(new AttributeProto { Name = PanelMatMulOperator.FactorAttribute, Type = AttributeProto.Types.AttributeType.Float, F = panels.Factor });
        }
        RemoveUnused(graph, factors);
        var matrices = packed.Where(pair => pair.Value is not null).ToDictionary(pair => pair.Key + Suffix, pair => pair.Value!.Matrix);
        graph.Initializer.AddRange(stored.Values.Where(tensor => matrices.ContainsKey(tensor.Name + Suffix)).Select(Placeholder));
        return matrices;
    }

    private static bool IsMatrix(TensorProto tensor) =>
        tensor is { DataType: (int)DataType.Float16, DataLocation: DataLocation.External, Dims.Count: 2 }
        && tensor.Dims.All(size => size is > 0 and <= int.MaxValue) && tensor.Dims[1] % WeightPanels.Columns == 0;

    /// <summary>Reads and orders a matrix. One that the bundle does not hold is for ONNX Runtime to refuse, and one that is not finite for it to compute with.</summary>
    private static unsafe Panels? Pack(TensorProto tensor, Bundle bundle)
    {
        var (depth, width) = ((int)tensor.Dims[0], (int)tensor.Dims[1]);
        var entries = tensor.ExternalData.GroupBy(entry => entry.Key).ToDictionary(group => group.Key, group => group.Last().Value);
        var location = entries.GetValueOrDefault("location", "");
        // The file may not be verified yet, so what the manifest states of its size is not relied on.
        if (!bundle.Manifest.Files.ContainsKey(location) || Bundle.SizeOf(bundle.PathOf(location)) is var length && (long)depth * width > length / sizeof(ushort)
            || !long.TryParse(entries.GetValueOrDefault("offset", "0"), NumberStyles.None, CultureInfo.InvariantCulture, out var offset)
            || offset > length - (long)depth * width * sizeof(ushort))
            return null;

        using var source = NativeTensor.ForWeights(depth, width);
        if (!Read(bundle.PathOf(location), offset, source.Bytes, (long)depth * width * sizeof(ushort)))
            return null;
        var matrix = NativeTensor.ForWeights(width / WeightPanels.Columns, depth, WeightPanels.Columns);
        if (WeightPanels.Pack((ushort*)source.Bytes, depth, width, (ushort*)matrix.Bytes) is { } factor)
            return new Panels(matrix, factor);
        matrix.Dispose();
        return null;
    }

    private static unsafe bool Read(string path, long offset, byte* target, long length)
    {
        using var file = File.OpenHandle(path);
        for (var (done, count) = (0L, 1); done < length; done += count)
        {
            count = RandomAccess.Read(file, new Span<byte>(target + done, (int)Math.Min(length - done, 1 << 30)), offset + done);
            if (count == 0)
                return false;
        }
        return true;
    }

    /// <summary>Takes out matrices and their widening that no node needs any more, which ONNX Runtime would read nevertheless; graphs within nodes may need them.</summary>
    private static void RemoveUnused(GraphProto graph, Dictionary<string, TensorProto> factors)
    {
        if (graph.Node.Any(node => node.Attribute.Any(attribute => attribute.G is not null)))
            return;
        Keep(graph.Node, node => node.OpType != "Cast" || node.Output.Any(name => !factors.ContainsKey(name) || IsUsed(name)));
        Keep(graph.Initializer, tensor => !factors.ContainsValue(tensor) || IsUsed(tensor.Name));

        bool IsUsed(string name) => graph.Node.Any(node => node.Input.Contains(name)) || graph.Output.Any(value => value.Name == name);

        static void Keep<T>(RepeatedField<T> items, Predicate<T> isKept)
        {
            T[] kept = [.. items.Where(item => isKept(item))];
            items.Clear();
            items.AddRange(kept);
        }
    }

    /// <summary>What ONNX Runtime must find in a graph to take the matrix that it is given.</summary>
    private static TensorProto Placeholder(TensorProto of) => new()
    {
        Name = of.Name + Suffix,
        DataType = (int)DataType.Uint16,
        Dims = { of.Dims[1] / WeightPanels.Columns, of.Dims[0], WeightPanels.Columns },
        DataLocation = of.DataLocation,
        ExternalData = { of.ExternalData },
    };

    private sealed record Panels(NativeTensor Matrix, float Factor);
}
