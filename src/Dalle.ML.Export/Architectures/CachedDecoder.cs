using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Onnx;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// What all autoregressive transformers share: ids come in, causal attention runs over a key-value cache that is past and present at once,
/// and the logits of the last position go out. A call appends to all rows alike, so one number tells its positions.
/// </summary>
internal sealed class CachedDecoder
{
    // Far below every score, and still a half; its exponential is zero.
    private const float Masked = -10000;

    // A mask is written out; this is four times DALL·E's stream.
    private const int MaxMaskedPositions = 5120;

    private readonly GraphBuilder _g;
    private readonly DecoderGraph _graph;
    private readonly string _lastIndex;
    private readonly string _end;
    private readonly Dictionary<string, string> _biases = [];

    public CachedDecoder(GraphBuilder g, DecoderGraph graph)
    {
        (_g, _graph) = (g, graph);
        Ids = g.Input(graph.Ids, DataType.Int64, "batch", "sequence");
        var totalLength = g.Input(graph.TotalLength!, DataType.Int32, 1);
        var shape = g.Node("Shape", [Ids]);
        Batch = g.Node("Slice", [shape, g.Constant("zero", 0), g.Constant("one", 1)]);
        Sequence = g.Node("Gather", [shape, g.Scalar("sequence_axis", 1L)]);
        _end = g.Node("Squeeze", [g.Node("Cast", [totalLength], ("to", (long)DataType.Int64))]);
        // A range of shapes alone: on a GPU the host would wait for one that depends on an input.
        var places = g.Node("Range", [g.Scalar("start", 0L), Sequence, g.Scalar("step", 1L)]);
        Positions = g.Node("Add", [places, g.Node("Sub", [_end, Sequence])]);
        _lastIndex = g.Node("Expand", [g.Node("Sub", [totalLength, g.Scalar("last", 1)]), Batch]);
    }

    /// <summary>The ids of this call, int64 [batch, sequence].</summary>
    public string Ids { get; }

    /// <summary>Their places in the stream, int64 [sequence].</summary>
    public string Positions { get; }

    /// <summary>The number of ids of this call in a row, int64 [].</summary>
    public string Sequence { get; }

    /// <summary>The number of rows, int64 [1].</summary>
    public string Batch { get; }

    /// <summary>Causal attention of a layer; key and value are empty where <paramref name="query"/> holds all three side by side.</summary>
    /// <param name="layer">The layer, whose cache takes the keys and values.</param>
    /// <param name="query">Queries [batch, sequence, heads · head size].</param>
    /// <param name="key">Keys of the same shape.</param>
    /// <param name="value">Values of the same shape.</param>
    /// <param name="bias">Added to the scores; see <see cref="Mask"/>.</param>
    /// <param name="scale">Factor of the scores; 1/√(head size) if null.</param>
    public string Attend(int layer, string query, string key = "", string value = "", string bias = "", float? scale = null)
    {
        var cache = _graph.Cache;
        var names = cache.Names(layer).ToArray();
        Dimension[] shape = ["batch", cache.Heads, cache.Capacity, cache.HeadSize];
        foreach (var (past, present) in names)
        {
            _g.Input(past, _g.Type, shape);
            _g.Output(present, _g.Type, shape);
        }
        (string, object)[] heads = [("num_heads", cache.Heads), ("kv_num_heads", cache.Heads)];
        string[] inputs = [query, key, value, names[0].Past, names[1].Past, _lastIndex, _graph.TotalLength!];
        return _g.Contrib("GroupQueryAttention",
            bias.Length == 0 ? inputs : [.. inputs, "", "", "", bias],
            [_g.Unique("attended"), names[0].Present, names[1].Present],
            scale is { } factor ? [.. heads, ("scale", factor)] : heads);
    }

    /// <summary>A bias that hides what a sparse layer does not see. Masks of the same name share one table.</summary>
    /// <exception cref="InvalidDataException">The stream is too long for a table of all pairs.</exception>
    public string Mask(AttentionMask mask)
    {
        if (_biases.TryGetValue(mask.Name, out var bias))
            return bias;
        var capacity = _graph.Cache.Capacity;
        if (capacity > MaxMaskedPositions)
            throw new InvalidDataException($"The stream has {capacity} positions; sparse attention is written for at most {MaxMaskedPositions}.");
        var table = new float[capacity * capacity];
        for (var query = 0; query < capacity; query++)
        {
            for (var key = 0; key < query; key++)
                table[query * capacity + key] = mask.Sees(query, key) ? 0 : Masked;
        }
        var rows = _g.Node("Gather", [_g.Weight("mask_" + mask.Name, new Tensor(table, isFloat16: true, capacity, capacity)), Positions]);
        var seen = _g.Node("Slice", [rows, _g.Constant("mask_start", 0), _g.Node("Unsqueeze", [_end, _g.Constant("mask_axis", 0)]), _g.Constant("mask_keys", 1)]);
        return _biases[mask.Name] = _g.Node("Unsqueeze", [seen, _g.Constant("mask_axes", 0, 1)]);
    }

    /// <summary>The last position of hidden states [batch, sequence, dim], as [batch, dim].</summary>
    public string Last(string x) => _g.Node("Gather", [x, _g.Scalar("last_position", -1L)], ("axis", 1));

    /// <summary>Declares the logits: [batch, vocabulary], or of all positions [batch, sequence, vocabulary].</summary>
    public void Finish(string logits, int vocabulary, bool isLast = true)
    {
        _g.Node(_g.Type == DataType.Float ? "Identity" : "Cast", [logits], [_graph.Logits], _g.Type == DataType.Float ? [] : [("to", (long)DataType.Float)]);
        _g.Output(_graph.Logits, DataType.Float, isLast ? ["batch", vocabulary] : ["batch", "sequence", vocabulary]);
        _g.Save();
    }
}
