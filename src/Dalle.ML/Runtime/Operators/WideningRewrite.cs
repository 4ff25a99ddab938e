using Dalle.ML.Bundles;
using Dalle.ML.Onnx;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Runtime.Operators;

/// <summary>Makes a transformer's graph of 16-bit floats compute in 32 bits. Its weights stay as they are and are widened where they are used.</summary>
internal static class WideningRewrite
{
    /// <summary>Rewrites a graph, and what it carries from call to call. What else it takes keeps its type.</summary>
    /// <param name="model">The graph.</param>
    /// <param name="decoder">Its description.</param>
    public static void Apply(ModelProto model, DecoderGraph decoder)
    {
        var graph = model.Graph;
        var carried = decoder.Cache.AllNames.Concat(decoder.State?.Names ?? []).SelectMany(pair => new[] { pair.Past, pair.Present }).ToHashSet();
        foreach (var value in graph.Input.Concat(graph.Output).Where(value => carried.Contains(value.Name)))
            value.Type.TensorType.ElemType = (int)DataType.Float;
        var given = graph.Initializer.Where(tensor => tensor.DataType == (int)DataType.Float16).Select(tensor => tensor.Name)
            .Concat(graph.Input.Where(value => value.Type?.TensorType?.ElemType == (int)DataType.Float16).Select(value => value.Name)).ToHashSet();

        var casts = new Dictionary<string, NodeProto>();
        var nodes = new List<NodeProto>();
        foreach (var node in graph.Node)
        {
            nodes.Add(node);
            if (node is { OpType: "Gather", Input.Count: 2, Output.Count: 1 } && given.Contains(node.Input[0]))
            {
                // Few rows of a large table are looked up, so they are widened rather than the table.
                var result = node.Output[0];
                node.Output[0] = result + "/half";
                nodes.Add(Cast(node.Output[0], result));
                continue;
            }
            for (var i = 0; i < node.Input.Count; i++)
            {
                var name = node.Input[i];
                if (given.Contains(name) && node.OpType != "Cast")
                    node.Input[i] = (casts.TryGetValue(name, out var cast) ? cast : casts[name] = Cast(name, name + "/float")).Output[0];
            }
            foreach (var attribute in node.Attribute.Where(attribute => node.OpType == "Cast" && attribute.Name == "to" && attribute.I == (int)DataType.Float16))
                attribute.I = (int)DataType.Float;
        }
        graph.Node.Clear();
        graph.Node.AddRange(casts.Values.Concat(nodes));
    }

    private static NodeProto Cast(string from, string to) => new()
    {
        OpType = "Cast",
        Name = from + "/widen",
        Input = { from },
        Output = { to },
        Attribute = { new AttributeProto { Name = "to", Type = AttributeProto.Types.AttributeType.Int, I = (int)DataType.Float } },
    };
}
