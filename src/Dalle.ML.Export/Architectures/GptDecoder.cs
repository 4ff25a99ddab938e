using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// The transformer of DALL·E (Ramesh et al. 2021) and its kin: a GPT over one stream of text ids and image tokens, with a head for the image
/// tokens alone.
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

    /// <summary>Writes the graph that decodes image tokens.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing or has another shape.</exception>
    public DecoderGraph Write(BundleWriter bundle, Checkpoint weights, Precision precision)
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
        using var g = bundle.Graph(graph.File, precision);
        var decoder = new CachedDecoder(g, graph);

        string x;
        using (g.Scope("embedding"))
        {
            var tokens = g.Weight("token", Tokens());
            var positions = Positions is null ? null : g.Weight("position", Positions());
            x = g.Node("Gather", [tokens, decoder.Ids]);
            if (positions is not null)
                x = g.Node("Add", [x, g.Node("Gather", [positions, decoder.Positions])]);
        }

        var rotary = RotaryAngles is null ? null : new RotaryPositions(g, decoder, RotaryAngles(), layers.Heads);
        var shift = ShiftsFrom is { } first ? new TokenShift(g, decoder, graph, dim, first, grid) : null;
        x = layers.Run(g, x, weights, Attend, shift is null ? null : shift.Shift);

        // Where the layers have a scope, the last position is taken outside of the scope of the head.
        var isOutside = layers.Scope is not null;
        x = isOutside ? decoder.Last(x) : x;
        using (g.Scope("head"))
        {
            x = isOutside ? x : decoder.Last(x);
            if (IsStable)
                x = g.Node("Div", [x, g.Node("ReduceMax", [x, g.Constant("channels", -1)])]);
            foreach (var norm in FinalNorms)
                x = g.Norm(x, weights, norm, dim);
            var (weight, bias) = Head();
            decoder.Finish(g.Linear(x, weight, bias), Sizes.CodebookSize);
        }
        return graph;

        string Attend(int layer, string qkv)
        {
            var bias = Mask(layer) is { } mask ? decoder.Mask(mask) : "";
            return decoder.Attend(layer, rotary?.Rotate(qkv) ?? qkv, bias: bias, scale: Scale ?? layers.Heads.Scale);
        }
    }
}

/// <summary>A sparse layer's mask.</summary>
/// <param name="Name">Names the kind; layers of the same kind share a table.</param>
/// <param name="Sees">Whether a query's position sees an earlier key's.</param>
internal sealed record AttentionMask(string Name, Func<int, int, bool> Sees);
