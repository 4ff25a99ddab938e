using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>The transformer of our own models, and what their layers are called, which CLIP's for the text are called as well.</summary>
internal static class DalleTransformer
{
    public static LayerNames Names { get; } = new()
    {
        Attention = layer => $"blocks.{layer}.",
        Mlp = layer => $"blocks.{layer}.",
        AttentionNorm = "ln1",
        Qkv = "qkv",
        Output = "proj",
        MlpNorm = "ln2",
        Up = "fc1",
        Down = "fc2",
    };

    public static GptDecoder Decoder(Checkpoint weights, DalleConfig config, DalleConfig.TransformerPart part, AttentionHeads heads)
    {
        var (layers, dim) = (part.Layers, part.Dim);
        var textIds = config.Text.VocabSize + config.Text.Length;
        var sparse = part.SparseAttention ? new SparseAttention(config.Text.Length, config.Grid) : null;
        return new GptDecoder
        {
            Sizes = new GptSizes
            {
                Layers = new TransformerLayers { Count = layers, Dim = dim, Heads = heads, Names = Names },
                TextIds = textIds,
                TextLength = config.Text.Length,
                Grid = config.Grid,
                CodebookSize = config.ImageVocab,
            },
            Tokens = () => Tensor.Concat(
                weights.Read("text_emb.weight", textIds, dim),
                weights.Read("image_emb.weight", config.ImageVocab, dim)),
            Positions = () => Tensor.Concat(
                weights.Read("text_pos.weight", config.Text.Length, dim),
                Layers.GridPositions(weights.Read("row_emb.weight", config.Grid, dim), weights.Read("col_emb.weight", config.Grid, dim))),
            Mask = layer => sparse?.Mask(layer, layers),
            FinalNorms = ["ln"],
            Head = () => (weights.Read("image_head.weight", config.ImageVocab, dim), weights.Read("image_head.bias", config.ImageVocab)),
            // Recipes of others may leave it out: images do not need it.
            TextHead = weights.Contains("text_head.weight")
                ? () => (weights.Read("text_head.weight", textIds, dim), weights.Read("text_head.bias", textIds))
                : null,
        };
    }
}
