using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>The transformer of ru-dALLE: its names and its sizes.</summary>
internal static class RuDalleTransformer
{
    private static readonly LayerNames Names = new()
    {
        Attention = layer => $"transformer.layers.{layer}.",
        Mlp = layer => $"transformer.layers.{layer}.",
        AttentionNorm = Norm("input_layernorm"),
        Qkv = "attention.query_key_value",
        Output = "attention.dense",
        AttentionNormOut = Norm("before_first_addition_layernorm"),
        MlpNorm = Norm("post_attention_layernorm"),
        Up = "mlp.dense_h_to_4h",
        Down = "mlp.dense_4h_to_h",
        MlpNormOut = Norm("before_second_addition_layernorm"),
    };

    /// <summary>With the vocabularies of the published models.</summary>
    public static GptSizes Published(int layers, int dim, int heads, int grid) => new()
    {
        Layers = LayersOf(layers, dim, AttentionHeads.Of(dim, heads)),
        TextLength = 128,
        TextIds = 16384 + 128,
        Grid = grid,
        CodebookSize = 8192,
    };

    /// <summary>Reads the sizes off the shapes of the weights.</summary>
    /// <exception cref="InvalidDataException">The weights are not those of such a model.</exception>
    public static GptSizes Infer(Checkpoint weights, int? heads)
    {
        var text = weights.Shape("text_embeddings.weight", rank: 2);
        var (layers, dim) = (weights.Count("transformer.layers.", ".input_layernorm.weight"), text[1]);
        return new GptSizes
        {
            Layers = LayersOf(layers, dim, AttentionHeads.Of(dim, heads ?? (dim == 2048 ? 16 : null))),
            TextLength = weights.Shape("text_pos_embeddings.weight", rank: 2)[0] - 1,
            TextIds = text[0],
            Grid = weights.Shape("image_row_embeddings.weight", rank: 2)[0],
            CodebookSize = weights.Shape("image_embeddings.weight", rank: 2)[0],
        }.Checked();
    }

    public static GptDecoder Decoder(Checkpoint weights, GptSizes sizes, SparseAttention sparsity) => new()
    {
        Sizes = sizes,
        Tokens = () => Tensor.Concat(
            weights.Read("text_embeddings.weight", sizes.TextIds, sizes.Dim),
            weights.Read("image_embeddings.weight", sizes.CodebookSize, sizes.Dim)),
        // Version 2 has one more, for the id before the text.
        Positions = () => Tensor.Concat(
            weights.Read("text_pos_embeddings.weight", sizes.TextLength + 1, sizes.Dim)
                .Rows(..(sizes.TextLength + (sparsity.IsToroidal ? 1 : 0))),
            Layers.GridPositions(
                weights.Read("image_row_embeddings.weight", sizes.Grid, sizes.Dim),
                weights.Read("image_col_embeddings.weight", sizes.Grid, sizes.Dim))),
        Mask = layer => sparsity.Mask(layer, sizes.Layers.Count),
        FinalNorms = [Norm("transformer.final_layernorm"), Norm("to_logits.0")],
        Head = () => Head(weights, sizes, sizes.TextIds..),
        TextHead = () => Head(weights, sizes, ..sizes.TextIds),
    };

    /// <summary>The rows of the one head that are for the image, or for the text.</summary>
    private static (Tensor Weight, Tensor? Bias) Head(Checkpoint weights, GptSizes sizes, Range rows) => (
        weights.Read("to_logits.1.weight", sizes.TextIds + sizes.CodebookSize, sizes.Dim).Rows(rows),
        weights.Read("to_logits.1.bias", sizes.TextIds + sizes.CodebookSize).Rows(rows));

    private static TransformerLayers LayersOf(int count, int dim, AttentionHeads heads) =>
        new() { Count = count, Dim = dim, Heads = heads, Names = Names, Activation = Activation.TanhGelu, ClampsAttention = true };

    private static LayerName Norm(string name) => new(name) { IsScope = true };
}
