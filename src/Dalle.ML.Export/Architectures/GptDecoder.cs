using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// The transformer of DALL·E (Ramesh et al. 2021) and its kin: a GPT over one stream of text ids and image tokens. It makes two graphs of the same
/// weights: one with the head for image tokens alone, and, where the model has a head for the text, one of the text.
/// </summary>
internal sealed record GptDecoder
{
    public required GptSizes Sizes { get; init; }

    /// <summary>Reads the embeddings of all ids, [ids, dim].</summary>
    public required Func<Tensor> Tokens { get; init; }

    /// <summary>Reads the embeddings of all positions, [positions, dim]; null with rotary positions.</summary>
    public Func<Tensor>? Positions { get; init; }

    /// <summary>Reads the angles of rotary positions, [positions, channels]; null where positions have embeddings.</summary>
    public Func<Tensor>? RotaryAngles { get; init; }

    /// <summary>The mask of a layer, by its number; null where it sees everything before.</summary>
    public Func<int, AttentionMask?> Mask { get; init; } = _ => null;

    /// <summary>Factor of the attention scores, if not that of <see cref="AttentionHeads"/>.</summary>
    public float? Scale { get; init; }

    /// <summary>Number of positions before the image in a model with <see cref="TokenShift"/>, else null.</summary>
    public int? ShiftsFrom { get; init; }

    /// <summary>Whether the last hidden state is divided by its largest channel (CogView).</summary>
    public bool IsStable { get; init; }

    /// <summary>The norms before the head.</summary>
    public required LayerName[] FinalNorms { get; init; }

    /// <summary>Reads the head's weight [codebook size, dim] and bias.</summary>
    public required Func<(Tensor Weight, Tensor? Bias)> Head { get; init; }

    /// <summary>Reads the weight [text ids, dim] and bias of the head for the text; null where the model has none.</summary>
    public Func<(Tensor Weight, Tensor? Bias)>? TextHead { get; init; }

    /// <summary>Writes the graph that decodes image tokens, and that of the text if the model has a head for it. They share their weights.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing or has another shape.</exception>
    public (DecoderGraph Image, DecoderGraph? Text) Write(BundleWriter bundle, Checkpoint weights, Precision precision)
    {
        using var file = bundle.Weights("decoder.weights");
        var image = WriteImage(bundle, file, weights, precision);
        return (image, TextHead is null ? null : WriteText(bundle, file, weights, precision, TextHead));
    }

    private DecoderGraph WriteImage(BundleWriter bundle, WeightsFile file, Checkpoint weights, Precision precision)
    {
        var (layers, dim, grid) = (Sizes.Layers, Sizes.Dim, Sizes.Grid);
        var graph = new DecoderGraph
        {
            File = "decoder.onnx",
            ImageIdOffset = Sizes.TextIds,
            TotalLength = "total_length",
            // The last image token is sampled and never decoded; where the stream has a start id, that takes its position.
            Cache = layers.Heads.Cache(precision, layers.Count, Sizes.TextLength + grid * grid),
            State = ShiftsFrom is null ? null : TokenShift.State(2 * layers.Count, dim, grid),
        };
        using var g = bundle.Graph(graph.File, precision, file);
        var decoder = new CachedDecoder(g, graph);

        var x = Embed(g, decoder);
        var rotary = Rotary(g, decoder);
        var shift = ShiftsFrom is { } first ? new TokenShift(g, decoder, graph, dim, first, grid) : null;
        x = layers.Run(g, x, weights, Attend, shift is null ? null : shift.Shift);

        // Where the layers have a scope, the last position is taken outside of the scope of the head.
        var isOutside = layers.Scope is not null;
        x = isOutside ? decoder.Last(x) : x;
        using (g.Scope("head"))
            decoder.Finish(Logits(g, weights, isOutside ? x : decoder.Last(x), Head()), Sizes.CodebookSize);
        return graph;

        string Attend(int layer, string qkv)
        {
            var bias = Mask(layer) is { } mask ? decoder.Mask(mask) : "";
            return decoder.Attend(layer, rotary?.Rotate(qkv) ?? qkv, bias: bias, scale: Scale ?? layers.Heads.Scale);
        }
    }

    /// <summary>The text sees all text before it, in every layer; its graph gives the logits of all positions of a call.</summary>
    private DecoderGraph WriteText(
        BundleWriter bundle, WeightsFile file, Checkpoint weights, Precision precision, Func<(Tensor Weight, Tensor? Bias)> head)
    {
        var (layers, length) = (Sizes.Layers, Sizes.TextLength + 1);
        var graph = new DecoderGraph
        {
            File = "text_decoder.onnx",
            ImageIdOffset = Sizes.TextIds,
            TotalLength = "total_length",
            // One for an id that starts the stream.
            Cache = layers.Heads.Cache(precision, layers.Count, length),
        };
        using var g = bundle.Graph(graph.File, precision, file);
        var decoder = new CachedDecoder(g, graph);
        var x = Embed(g, decoder);
        var rotary = Rotary(g, decoder);
        var shift = ShiftsFrom is { } whole ? new TextShift(g, decoder, Sizes.Dim, whole) : null;
        x = layers.Run(
            g, x, weights, (layer, qkv) => decoder.Attend(layer, rotary?.Rotate(qkv) ?? qkv, scale: Scale ?? layers.Heads.Scale),
            shift is null ? null : shift.Shift);
        using (g.Scope("head"))
            decoder.Finish(Logits(g, weights, x, head()), Sizes.TextIds, isLast: false);
        return graph;
    }

    private string Embed(GraphBuilder g, CachedDecoder decoder)
    {
        using var scope = g.Scope("embedding");
        var tokens = g.Weight("token", Tokens());
        var positions = Positions is null ? null : g.Weight("position", Positions());
        var x = g.Node("Gather", [tokens, decoder.Ids]);
        return positions is null ? x : g.Node("Add", [x, g.Node("Gather", [positions, decoder.Positions])]);
    }

    private RotaryPositions? Rotary(GraphBuilder g, CachedDecoder decoder) =>
        RotaryAngles is null ? null : new RotaryPositions(g, decoder, RotaryAngles(), Sizes.Layers.Heads);

    private string Logits(GraphBuilder g, Checkpoint weights, string x, (Tensor Weight, Tensor? Bias) head)
    {
        if (IsStable)
            x = g.Node("Div", [x, g.Node("ReduceMax", [x, g.Constant("channels", -1)])]);
        foreach (var norm in FinalNorms)
            x = g.Norm(x, weights, norm, Sizes.Dim);
        return g.Linear(x, head.Weight, head.Bias);
    }
}

/// <summary>A sparse layer's mask.</summary>
/// <param name="Name">Names the kind; layers of the same kind share a table.</param>
/// <param name="Sees">Whether a query's position sees an earlier key's.</param>
internal sealed record AttentionMask(string Name, Func<int, int, bool> Sees);
