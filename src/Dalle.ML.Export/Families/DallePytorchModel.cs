using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>The transformer of DALLE-pytorch, by the arguments of its constructor and the shapes of its weights.</summary>
internal sealed record DallePytorchModel
{
    /// <summary>The text has an id for the padding of every position; its length is without the start of the stream.</summary>
    public required GptSizes Sizes { get; init; }

    /// <summary>Kinds of attention: those of the first layers, then from the beginning again.</summary>
    public required IReadOnlyList<string> Attention { get; init; }

    /// <summary>Channels of each head that are rotated; 0 where positions have embeddings.</summary>
    public required int RotaryWidth { get; init; }

    public bool ShiftsTokens { get; init; } = true;

    /// <summary>Whether the last hidden states are divided by the largest of them.</summary>
    public bool IsStable { get; init; }

    /// <summary>Whether the head's weights are the embeddings of the ids.</summary>
    public bool SharesEmbeddings { get; init; }

    /// <summary>Channels of such heads that the project rotates: three times the pairs that are in a third of them.</summary>
    private static int Rotated(AttentionHeads heads) => heads.Size / 6 * 6;

    /// <summary>A geometry with every variation of the project, to measure speed with.</summary>
    public static (DallePytorchModel Dalle, ConvolutionalVae Vae) Random(
        int count, int dim, int words, int textLength, int imageSize, int codebookSize)
    {
        var layers = DallePytorchLayers.Published(count, dim);
        var vae = new ConvolutionalVae
        {
            ImageSize = imageSize,
            Layers = 3,
            Residuals = 2,
            Hidden = dim / 2,
            CodebookSize = codebookSize,
            CodeDimension = dim,
        };
        var model = new DallePytorchModel
        {
            Sizes = new GptSizes
            {
                Layers = layers,
                TextIds = words + textLength,
                TextLength = textLength,
                Grid = vae.Grid,
                CodebookSize = codebookSize,
            },
            Attention = AxialAttention.Kinds,
            RotaryWidth = Rotated(layers.Heads),
        };
        return (model, vae);
    }

    /// <summary>Another number of heads over the same width, if one is given.</summary>
    public DallePytorchModel WithHeads(int? count)
    {
        var sizes = Sizes.WithHeads(count);
        return this with { Sizes = sizes, RotaryWidth = Rotated(sizes.Layers.Heads) };
    }

    /// <exception cref="InvalidDataException">The checkpoint is not of this project, or of a kind that cannot be exported.</exception>
    public static DallePytorchModel Infer(Checkpoint weights, SavedArguments arguments, ImageFormat image, int? heads)
    {
        // Arguments that were not saved have the defaults of the constructor.
        var textLength = arguments.Number("text_seq_len", 256);
        var model = new DallePytorchModel
        {
            Sizes = new GptSizes
            {
                Layers = DallePytorchLayers.Infer(weights, "transformer.", heads is null ? arguments.Number("dim_head", 64) : 1, heads),
                TextIds = checked(arguments.Number("num_text_tokens", 10000) + textLength),
                TextLength = textLength,
                Grid = image.Columns,
                CodebookSize = image.CodebookSize,
            }.Checked(),
            Attention = arguments.Words("attn_types", ["full"]),
            RotaryWidth = weights.Contains("transformer.pos_emb") ? weights.Shape("transformer.pos_emb", rank: 3)[2] : 0,
            IsStable = arguments.Flag("stable", false),
            SharesEmbeddings = weights.Contains("text_emb.linear.weight"),
        };
        var layers = model.Sizes.Layers;
        DallePytorchLayers.CheckArguments(weights, arguments, layers);
        model = model with { ShiftsTokens = DallePytorchLayers.ShiftsTokens(weights, arguments, layers) };
        if (model.Attention.FirstOrDefault(kind => !AxialAttention.Kinds.Contains(kind)) is { } unknown)
        {
            throw new InvalidDataException(
                $"The transformer has attention of the kind '{unknown}'; full, axial_row, axial_col and conv_like can be exported.");
        }
        if (model.RotaryWidth % 2 != 0 || model.RotaryWidth > layers.Heads.Size)
        {
            throw new InvalidDataException($"The transformer rotates {model.RotaryWidth} of {layers.Heads.Size} channels, "
                + "which is not a number of pairs within them.");
        }
        if (model.ShiftsTokens && layers.Dim % 4 != 0)
            throw new InvalidDataException($"The transformer shifts quarters of {layers.Dim} channels, which is not a multiple of four.");
        return model;
    }

    /// <summary>The transformer: the start of the stream, the text, and the image, whose last token is sampled and never decoded.</summary>
    public GptDecoder Decoder(Checkpoint weights)
    {
        var (dim, grid, texts, codebookSize) = (Sizes.Dim, Sizes.Grid, Sizes.TextIds, Sizes.CodebookSize);
        var (ids, start) = (texts + codebookSize, 1 + Sizes.TextLength);
        return new GptDecoder
        {
            Sizes = Sizes,
            Tokens = () => SharesEmbeddings
                ? weights.Read("to_logits.1.weight", ids, dim)
                : Tensor.Concat(weights.Read("text_emb.weight", texts, dim), weights.Read("image_emb.weight", codebookSize, dim)),
            Positions = RotaryWidth > 0
                ? null
                : () => Tensor.Concat(weights.Read("text_pos_emb.weight", start, dim), ImagePositions(weights, grid, dim)),
            RotaryAngles = RotaryWidth == 0
                ? null
                : () => weights.Read("transformer.pos_emb", 1, start + grid * grid, RotaryWidth).Reshape(start + grid * grid, RotaryWidth),
            Mask = layer => AxialAttention.Mask(Attention[layer % Attention.Count], start, grid),
            Scale = 1 / MathF.Sqrt(Sizes.Layers.Heads.Size),
            ShiftsFrom = ShiftsTokens ? start : null,
            IsStable = IsStable,
            FinalNorms = ["to_logits.0"],
            Head = () => Head(texts..),
            TextHead = () => Head(..texts),
        };

        (Tensor Weight, Tensor? Bias) Head(Range rows) => (weights.Read("to_logits.1.weight", ids, dim).Rows(rows), weights.Read("to_logits.1.bias", ids).Rows(rows));
    }

    private static Tensor ImagePositions(Checkpoint weights, int grid, int dim)
    {
        // The package axial_positional_embedding named them so by hand, until it took PyTorch's lists of parameters.
        var axes = weights.Contains("image_pos_emb.weights.0") ? "image_pos_emb.weights." : "image_pos_emb.weights_";
        var (row, column) = (weights.Read(axes + 0, 1, grid, 1, dim), weights.Read(axes + 1, 1, 1, grid, dim));
        return Layers.GridPositions(row.Reshape(grid, dim), column.Reshape(grid, dim));
    }
}
