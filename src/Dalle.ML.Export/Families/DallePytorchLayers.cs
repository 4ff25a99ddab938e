using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>The layers that the transformer and CLIP of DALLE-pytorch share (transformer.py): their names and their sizes.</summary>
internal static class DallePytorchLayers
{
    // The name of the layers in exported graphs.
    private const string Scope = "transformer";

    /// <summary>Layers of a geometry, in the transformer.</summary>
    public static TransformerLayers Published(int count, int dim) => new()
    {
        Count = count,
        Dim = dim,
        Heads = AttentionHeads.Of(dim, count: null),
        Names = Names("transformer."),
        Activation = Activation.GatedGelu,
        Scope = Scope,
    };

    /// <summary>Reads the sizes off the shapes of the weights.</summary>
    /// <param name="weights">The model.</param>
    /// <param name="prefix">Prefix of the layers' names.</param>
    /// <param name="headSize">Channels of a head, if their number is not given.</param>
    /// <param name="heads">Number of heads, if it is given.</param>
    /// <exception cref="InvalidDataException">The weights are not those of such layers.</exception>
    public static TransformerLayers Infer(Checkpoint weights, string prefix, int headSize, int? heads = null)
    {
        weights = weights.Subtree(prefix);
        var isReversible = weights.Contains("layers.blocks.0.f.net.scale");
        var first = weights.Subtree(isReversible ? "layers.blocks.0.f.net." : "layers.layers.0.0.");
        var inner = Unwrap(first).Shape("to_out.0.weight", rank: 2)[1];
        if (inner == 0 || (heads is null && inner % headSize != 0))
        {
            throw new InvalidDataException(
                $"The transformer's attention has {inner} channels, which is not a whole number of heads of {headSize}.");
        }
        return new TransformerLayers
        {
            Count = isReversible ? weights.Count("layers.blocks.", ".f.net.scale") : weights.Count("layers.layers.", ".0.scale"),
            Dim = first.Shape("scale", rank: 3)[2],
            Heads = AttentionHeads.Of(inner, heads ?? inner / headSize),
            Names = Names(prefix, isReversible, isSandwich: first.Contains("fn.norm_out.weight")),
            Activation = Activation.GatedGelu,
            IsReversible = isReversible,
            Scope = Scope,
        };
    }

    /// <summary>
    /// Whether the layers shift tokens. The module that does so lies around the feed-forward part, whose names have two <c>fn.</c> without it;
    /// with more, the argument tells, or the constructor's default.
    /// </summary>
    /// <exception cref="InvalidDataException">The saved argument contradicts the names.</exception>
    public static bool ShiftsTokens(Checkpoint weights, SavedArguments arguments, TransformerLayers layers)
    {
        var name = layers.Names.Mlp(0) + "fn.fn.net.0.weight";
        if (!weights.Contains(name))
            return arguments.Flag("shift_tokens", true);
        return arguments.TryFlag("shift_tokens") == true ? throw new InvalidDataException(
            $"The checkpoint's argument 'shift_tokens' is True, but its tensor '{name}' has no module of a token shift around it.") : false;
    }

    /// <summary>Checks that saved switches agree with the tensors that they add.</summary>
    /// <exception cref="InvalidDataException">One does not.</exception>
    public static void CheckArguments(Checkpoint weights, SavedArguments arguments, TransformerLayers layers)
    {
        Check("rotary_emb", "transformer.pos_emb", weights.Contains("transformer.pos_emb"));
        Check("share_input_output_emb", "text_emb.linear.weight", weights.Contains("text_emb.linear.weight"));
        Check("reversible", "transformer.layers.blocks.0.f.net.scale", layers.IsReversible);
        Check("sandwich_norm", layers.Names.Attention(0) + "fn.norm_out.weight", layers.Names.AttentionNormOut is not null);
        if (weights.Contains("transformer.pos_emb") && weights.Contains("text_pos_emb.weight"))
            throw new InvalidDataException("The checkpoint has both 'transformer.pos_emb' and 'text_pos_emb.weight': models of DALLE-pytorch have rotary positions or embedded ones.");
        if (arguments.TryNumber("depth") is { } depth && depth != layers.Count)
            throw new InvalidDataException($"The checkpoint's argument 'depth' is {depth}, but its tensors '{layers.Names.Attention(0)}…' are those of {layers.Count} layers.");

        void Check(string argument, string tensor, bool isThere)
        {
            if (arguments.TryFlag(argument) == !isThere)
            {
                throw new InvalidDataException($"The checkpoint's argument '{argument}' is {!isThere}, but it has "
                    + $"{(isThere ? "a" : "no")} tensor '{tensor}'.");
            }
        }
    }

    private static LayerNames Names(string prefix, bool isReversible = false, bool isSandwich = false) => new()
    {
        Attention = layer => prefix + (isReversible ? $"layers.blocks.{layer}.f.net." : $"layers.layers.{layer}.0."),
        Mlp = layer => prefix + (isReversible ? $"layers.blocks.{layer}.g.net." : $"layers.layers.{layer}.1."),
        AttentionNorm = "fn.norm",
        Qkv = new LayerName("to_qkv") { HasBias = false },
        Output = "to_out.0",
        AttentionNormOut = isSandwich ? new LayerName("fn.norm_out") : null,
        MlpNorm = "fn.norm",
        Up = "net.0",
        Down = "net.3",
        MlpNormOut = isSandwich ? new LayerName("fn.norm_out") : null,
        Scale = "scale",
        Inner = Unwrap,
        MlpScope = "feed_forward",
    };

    /// <summary>A module within its wrappers, of which a layer has more or fewer: each adds a <c>fn.</c> to the names.</summary>
    private static Checkpoint Unwrap(Checkpoint part)
    {
        string[] ends = [".to_out.0.weight", ".net.0.weight"];
        var (name, end) = part.Names.SelectMany(name => ends, (name, end) => (name, end))
            .FirstOrDefault(pair => pair.name.EndsWith(pair.end, StringComparison.Ordinal));
        return part.Subtree(name is null ? "fn.fn." : name[..(name.Length - end.Length + 1)]);
    }
}
