using Dalle.ML.Bundles;
using Dalle.ML.Onnx;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Runtime.Operators;

/// <summary>
/// Puts <see cref="CachedAttentionOperator"/> into a transformer's graph, when its session is created: bundles hold operators that ONNX Runtime has.
/// </summary>
internal static class AttentionRewrite
{
    /// <summary>The added input: per row a row with the same beginning, and how many positions that has; int32 [rows, 2].</summary>
    public const string Shared = "shared_positions";

    /// <summary>Whether the operator is written for such a cache.</summary>
    public static bool Fits(KeyValueCache cache) =>
        cache is { Kind: CacheKind.Shared, Type: CacheType.Float32, Capacity: <= CachedAttentionOperator.MaxCapacity } && cache.HeadSize % AttentionCall.Lanes == 0;

    /// <summary>Rewrites a graph whose cache is [rows, heads, capacity, head size] to one whose cache is [rows, capacity, heads, head size].</summary>
    /// <param name="model">The graph.</param>
    /// <param name="cache">Its cache, which <see cref="Fits"/>.</param>
    /// <returns>Whether it could be rewritten; otherwise it is left as it is.</returns>
    public static bool Apply(ModelProto model, KeyValueCache cache)
    {
        var graph = model.Graph;
        var nodes = graph.Node.Where(node => node.OpType == "GroupQueryAttention").ToArray();
        var names = cache.AllNames.SelectMany(pair => new[] { pair.Past, pair.Present }).ToHashSet();
        var caches = graph.Input.Concat(graph.Output).Where(value => names.Contains(value.Name)).Select(value => value.Type?.TensorType?.Shape?.Dim).ToArray();
        if (nodes.Length != cache.Layers || nodes.Any(node => !IsPlain(node)) || caches.Any(dimensions => dimensions?.Count != 4))
            return false;
        foreach (var node in nodes)
        {
            var bias = node.Input.ElementAtOrDefault(10) ?? "";
            string[] inputs = [.. node.Input.Take(6), Shared, bias];
            node.Input.Clear();
            node.Input.AddRange(inputs);
            (node.OpType, node.Domain) = (CachedAttentionOperator.Name, OwnOperators.Domain);
            if (!node.Attribute.Any(attribute => attribute.Name == CachedAttentionOperator.ScaleAttribute))
                node.Attribute.Add(new AttributeProto { Name = CachedAttentionOperator.ScaleAttribute, Type = AttributeProto.Types.AttributeType.Float });
        }
        foreach (var dimensions in caches)
            (dimensions![1], dimensions[2]) = (dimensions[2], dimensions[1]);
        graph.Input.Add(SharedInput());
        return true;
    }

    /// <summary>Whether a node does no more than the operator: no rotation, window, cap or groups.</summary>
    private static bool IsPlain(NodeProto node)
    {
        var heads = node.Attribute.Where(attribute => attribute.Name is "num_heads" or "kv_num_heads").Select(attribute => attribute.I).Distinct();
        return heads.Count() == 1
            && node.Attribute.All(attribute => attribute.Name is "num_heads" or "kv_num_heads" or "scale")
            && node.Input.Skip(7).Take(3).Concat(node.Input.Skip(11)).All(name => name.Length == 0);
    }

    private static ValueInfoProto SharedInput()
    {
        var shape = new TensorShapeProto { Dim = { new TensorShapeProto.Types.Dimension { DimParam = "batch" }, new TensorShapeProto.Types.Dimension { DimValue = 2 } } };
        var tensor = new TypeProto.Types.Tensor { ElemType = (int)DataType.Int32, Shape = shape };
        return new ValueInfoProto { Name = Shared, Type = new TypeProto { TensorType = tensor } };
    }
}
