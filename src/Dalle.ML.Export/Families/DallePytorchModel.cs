using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>The transformer of DALLE-pytorch, by the arguments of its constructor and the shapes of its weights.</summary>
internal sealed record DallePytorchModel
{
    public required TransformerLayers Layers { get; init; }

    /// <summary>Ids of the text, with one for the padding of every position.</summary>
    public required int TextIds { get; init; }

    /// <summary>Positions of the text, without the start of the stream.</summary>
    public required int TextLength { get; init; }

    /// <summary>Side of the square of image tokens.</summary>
    public required int Grid { get; init; }

    public required int CodebookSize { get; init; }

    /// <summary>Kinds of attention: those of the first layers, then from the beginning again.</summary>
    public required IReadOnlyList<string> Attention { get; init; }

    /// <summary>Channels of each head that are rotated; 0 where positions have embeddings.</summary>
    public required int RotaryWidth { get; init; }

    public bool ShiftsTokens { get; init; } = true;

    /// <summary>Whether the last hidden states are divided by the largest of them.</summary>
    public bool IsStable { get; init; }

    /// <summary>Whether the head's weights are the embeddings of the ids.</summary>
    public bool SharesEmbeddings { get; init; }

    // The name of the layers in exported graphs.
    private const string Scope = "transformer";

    /// <summary>Channels of such heads that the project rotates: three times the pairs that are in a third of them.</summary>
    public static int Rotated(AttentionHeads heads) => heads.Size / 6 * 6;

    /// <summary>A geometry with every variation of the project, to measure speed with.</summary>
    public static (DallePytorchModel Dalle, ConvolutionalVae Vae) Random(int layers, int dim, int words, int textLength, int imageSize, int codes)
    {
        var heads = AttentionHeads.Of(dim, count: null);
        var vae = new ConvolutionalVae { ImageSize = imageSize, Layers = 3, Residuals = 2, Hidden = dim / 2, CodebookSize = codes, CodeDimension = dim };
        return (new DallePytorchModel
        {
            Layers = new TransformerLayers { Count = layers, Dim = dim, Heads = heads, Names = Names("transformer."), Activation = Activation.GatedGelu, Scope = Scope },
            TextIds = words + textLength,
            TextLength = textLength,
            Grid = vae.Grid,
            CodebookSize = codes,
            Attention = ["full", "axial_row", "axial_col", "conv_like"],
            RotaryWidth = Rotated(heads),
        }, vae);
    }

    /// <exception cref="InvalidDataException">The checkpoint is not of this project, or of a kind that cannot be exported.</exception>
    public static DallePytorchModel Infer(Checkpoint weights, SavedArguments arguments, ImageFormat image, int? heads)
    {
        // Arguments that were not saved have the defaults of the constructor.
        var textLength = arguments.Number("text_seq_len", 256);
        var config = new DallePytorchModel
        {
            Layers = InferLayers(weights, "transformer.", arguments.Number("dim_head", 64), heads),
            TextIds = checked(arguments.Number("num_text_tokens", 10000) + textLength),
            TextLength = textLength,
            Grid = image.Columns,
            CodebookSize = image.CodebookSize,
            Attention = arguments.Words("attn_types", ["full"]),
            RotaryWidth = weights.Contains("transformer.pos_emb") ? weights.Shape("transformer.pos_emb", rank: 3)[2] : 0,
            ShiftsTokens = arguments.Flag("shift_tokens", true),
            IsStable = arguments.Flag("stable", false),
            SharesEmbeddings = weights.Contains("text_emb.linear.weight"),
        };
        ModelSizes.Check(config.TextLength, config.Grid);
        if (config.Attention.FirstOrDefault(kind => kind is not ("full" or "axial_row" or "axial_col" or "conv_like")) is { } unknown)
            throw new InvalidDataException($"The transformer has attention of the kind '{unknown}'; full, axial_row, axial_col and conv_like can be exported.");
        if (config.RotaryWidth % 2 != 0 || config.RotaryWidth > config.Layers.Heads.Size)
            throw new InvalidDataException($"The transformer rotates {config.RotaryWidth} of {config.Layers.Heads.Size} channels, which is not a number of pairs within them.");
        if (config.ShiftsTokens && config.Layers.Dim % 4 != 0)
            throw new InvalidDataException($"The transformer shifts quarters of {config.Layers.Dim} channels, which is not a multiple of four.");
        return config;
    }

    /// <summary>The transformer: the start of the stream, the text, and the image, whose last token is sampled and never decoded.</summary>
    public GptDecoder Decoder(Checkpoint weights)
    {
        var (dim, ids, start) = (Layers.Dim, TextIds + CodebookSize, 1 + TextLength);
        return new GptDecoder
        {
            Sizes = new GptSizes { Layers = Layers, TextIds = TextIds, TextLength = TextLength, Grid = Grid, CodebookSize = CodebookSize },
            Tokens = () => SharesEmbeddings
                ? weights.Read("to_logits.1.weight", ids, dim)
                : Tensor.Concat(weights.Read("text_emb.weight", TextIds, dim), weights.Read("image_emb.weight", CodebookSize, dim)),
            Positions = RotaryWidth > 0 ? null : () => Tensor.Concat(weights.Read("text_pos_emb.weight", start, dim), ImagePositions(weights, Grid, dim)),
            RotaryAngles = RotaryWidth == 0 ? null : () =>
            {
                var positions = TextLength + Grid * Grid + 1;
                return weights.Read("transformer.pos_emb", 1, positions, RotaryWidth).Reshape(positions, RotaryWidth);
            },
            Mask = layer => Mask(Attention[layer % Attention.Count], start, Grid),
            Scale = 1 / MathF.Sqrt(Layers.Heads.Size),
            ShiftsFrom = ShiftsTokens ? start : null,
            IsStable = IsStable,
            FinalNorms = ["to_logits.0"],
            Head = () => (weights.Read("to_logits.1.weight", ids, dim).Rows(TextIds..), weights.Read("to_logits.1.bias", ids).Rows(TextIds..)),
        };
    }

    private static Tensor ImagePositions(Checkpoint weights, int grid, int dim)
    {
        // The package axial_positional_embedding named them so by hand, until it took PyTorch's lists of parameters.
        var axes = weights.Contains("image_pos_emb.weights.0") ? "image_pos_emb.weights." : "image_pos_emb.weights_";
        var (row, column) = (weights.Read(axes + 0, 1, grid, 1, dim), weights.Read(axes + 1, 1, 1, grid, dim));
        return Architectures.Layers.GridPositions(row.Reshape(grid, dim), column.Reshape(grid, dim));
    }

    /// <summary>What an image token sees of the image: its row, its column, or a window of 5 × 5 whose last corner it is. All see all text.</summary>
    private static AttentionMask? Mask(string kind, int start, int grid)
    {
        const int Reach = 4;
        return kind == "full" ? null : new AttentionMask(kind, (query, key) =>
        {
            var (from, to) = (query - start, key - start);
            var (rows, columns) = (from / grid - to / grid, from % grid - to % grid);
            return to < 0 || kind switch
            {
                "axial_row" => rows == 0,
                "axial_col" => columns == 0,
                _ => rows <= Reach && columns is >= 0 and <= Reach,
            };
        });
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
        var (name, end) = part.Names.SelectMany(name => ends, (name, end) => (name, end)).FirstOrDefault(pair => pair.name.EndsWith(pair.end, StringComparison.Ordinal));
        return part.Subtree(name is null ? "fn.fn." : name[..(name.Length - end.Length + 1)]);
    }

    /// <summary>The layers that the transformer and CLIP share (transformer.py), by the shapes of their weights.</summary>
    /// <param name="weights">The model.</param>
    /// <param name="prefix">Prefix of the layers' names.</param>
    /// <param name="headSize">Channels of a head, if their number is not given.</param>
    /// <param name="heads">Number of heads, if it is given.</param>
    /// <exception cref="InvalidDataException">The weights are not those of such layers.</exception>
    public static TransformerLayers InferLayers(Checkpoint weights, string prefix, int headSize, int? heads = null)
    {
        weights = weights.Subtree(prefix);
        var isReversible = weights.Contains("layers.blocks.0.f.net.scale");
        var first = weights.Subtree(isReversible ? "layers.blocks.0.f.net." : "layers.layers.0.0.");
        var inner = Unwrap(first).Shape("to_out.0.weight", rank: 2)[1];
        if (inner == 0 || (heads is null && inner % headSize != 0))
            throw new InvalidDataException($"The transformer's attention has {inner} channels, which is not a whole number of heads of {headSize}.");
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
}
