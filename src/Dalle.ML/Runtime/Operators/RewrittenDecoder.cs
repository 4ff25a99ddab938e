using Dalle.ML.Bundles;
using Dalle.ML.Onnx;
using Google.Protobuf;

namespace Dalle.ML.Runtime.Operators;

/// <summary>
/// A transformer's graph with <see cref="OwnOperators"/>, made when its session is created on a CPU: bundles hold operators that every ONNX Runtime has.
/// </summary>
internal sealed class RewrittenDecoder : IDisposable
{
    private RewrittenDecoder(byte[] graph, KeyValueCache cache, bool hasOwnAttention, IReadOnlyDictionary<string, NativeTensor> weights) =>
        (Graph, Cache, HasOwnAttention, Weights) = (graph, cache, hasOwnAttention, weights);

    public byte[] Graph { get; }

    /// <summary>The cache that the graph takes.</summary>
    public KeyValueCache Cache { get; }

    /// <summary>Whether it has <see cref="CachedAttentionOperator"/>.</summary>
    public bool HasOwnAttention { get; }

    /// <summary>Weights that the session is given, by their names.</summary>
    public IReadOnlyDictionary<string, NativeTensor> Weights { get; }

    /// <returns>Null if nothing is gained.</returns>
    public static RewrittenDecoder? Of(Bundle bundle, DecoderGraph decoder)
    {
        if (Parse(bundle.PathOf(decoder.File)) is not { } model)
            return null;
        var cache = decoder.Cache;
        if (WeightPanels.IsSupported && cache.Type == CacheType.Float16)
        {
            cache = cache with { Type = CacheType.Float32 };
            WideningRewrite.Apply(model, decoder);
        }
        var weights = WeightPanels.IsSupported ? PanelRewrite.Apply(model, bundle) : [];
        var hasOwnAttention = CachedAttentionOperator.IsSupported && AttentionRewrite.Fits(cache) && AttentionRewrite.Apply(model, cache);
        if (weights.Count == 0 && !hasOwnAttention && cache == decoder.Cache)
            return null;
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = OwnOperators.Domain, Version = 1 });
        return new RewrittenDecoder(model.ToByteArray(), cache, hasOwnAttention, weights);
    }

    public void Dispose()
    {
        foreach (var weight in Weights.Values)
            weight.Dispose();
    }

    // What is not a graph is for ONNX Runtime to refuse.
    private static ModelProto? Parse(string path)
    {
        try
        {
            return ModelProto.Parser.ParseFrom(File.ReadAllBytes(path)) is { Graph: not null } model ? model : null;
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }
}
