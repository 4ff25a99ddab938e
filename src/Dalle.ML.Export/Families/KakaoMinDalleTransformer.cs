using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>The transformer of minDALL-E, or of images alone where its stream has no text: its names and its sizes.</summary>
internal static class KakaoMinDalleTransformer
{
    private static readonly LayerNames Names = new()
    {
        Attention = layer => $"blocks.{layer}.",
        Mlp = layer => $"blocks.{layer}.",
        AttentionNorm = "ln1",
        Qkv = new LayerName("attn.query", "attn.key", "attn.value") { HasBias = null },
        Output = Linear("attn.proj"),
        MlpNorm = "ln2",
        Up = Linear("mlp.0"),
        Down = Linear("mlp.2"),
    };

    /// <summary>With the vocabularies of the published models.</summary>
    public static GptSizes Published(int layers, int dim, int heads, int grid) => new()
    {
        Layers = new TransformerLayers { Count = layers, Dim = dim, Heads = AttentionHeads.Of(dim, heads), Names = Names },
        TextLength = 64,
        TextIds = 16384,
        Grid = grid,
        CodebookSize = 16384,
    };

    /// <summary>Reads the sizes off the shapes of the weights.</summary>
    /// <exception cref="InvalidDataException">The weights are not those of such a model.</exception>
    public static GptSizes Infer(Checkpoint weights, bool hasText, int? heads)
    {
        var (codebook, tokens) = (weights.Shape("tok_emb_img.weight", rank: 2), weights.Shape("pos_emb_img.weight", rank: 2)[0]);
        var ids = hasText ? "tok_emb_txt.weight" : "sos.weight";
        var (layers, dim) = (weights.Count("blocks.", ".ln1.weight"), codebook[1]);
        var sizes = new GptSizes
        {
            Layers = new TransformerLayers { Count = layers, Dim = dim, Heads = AttentionHeads.Of(dim, heads), Names = Names },
            TextLength = hasText ? weights.Shape("pos_emb_txt.weight", rank: 2)[0] : 1,
            TextIds = weights.Contains(ids) ? weights.Shape(ids, rank: 2)[0] : 1,
            Grid = (int)Math.Sqrt(tokens),
            CodebookSize = codebook[0],
        };
        return sizes.Grid * sizes.Grid == tokens
            ? sizes.Checked()
            : throw new InvalidDataException($"The transformer has {tokens} positions for the image, which do not form a square.");
    }

    public static GptDecoder Decoder(Checkpoint weights, GptSizes sizes, bool hasText) => new()
    {
        Sizes = sizes,
        Tokens = () => Tensor.Concat(
            hasText ? weights.Read("tok_emb_txt.weight", sizes.TextIds, sizes.Dim) : Starts(weights, sizes),
            weights.Read("tok_emb_img.weight", sizes.CodebookSize, sizes.Dim)),
        Positions = () => Tensor.Concat(
            hasText
                ? weights.Read("pos_emb_txt.weight", sizes.TextLength, sizes.Dim)
                : new Tensor(new float[sizes.Dim], isFloat16: false, 1, sizes.Dim),
            weights.Read("pos_emb_img.weight", sizes.Grid * sizes.Grid, sizes.Dim)),
        FinalNorms = ["ln_f"],
        Head = () => (weights.Read(hasText ? "head_img.weight" : "head.weight", sizes.CodebookSize, sizes.Dim), null),
        TextHead = hasText && weights.Contains("head_txt.weight") ? () => (weights.Read("head_txt.weight", sizes.TextIds, sizes.Dim), null) : null,
    };

    /// <summary>The embeddings of the ids that start the stream of a model of images alone.</summary>
    private static Tensor Starts(Checkpoint weights, GptSizes sizes) => weights.Contains("sos")
        ? weights.Read("sos", 1, 1, sizes.Dim).Reshape(1, sizes.Dim)
        : weights.Read("sos.weight", sizes.TextIds, sizes.Dim);

    private static LayerName Linear(string name) => new(name) { HasBias = null, IsScope = true };
}
