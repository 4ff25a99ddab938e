using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>The layers that CLIP's text tower and its vision transformers are made of (openai/CLIP, clip/model.py).</summary>
internal static class ClipTransformer
{
    /// <summary>Number of values of an attention head of OpenAI's; no tensor tells it.</summary>
    public const int HeadSize = 64;

    /// <summary>Layers of attention and of two products with a nonlinearity between them, each after a normalisation.</summary>
    /// <param name="g">The graph.</param>
    /// <param name="x">Hidden states [batch, sequence, width].</param>
    /// <param name="weights">The tensors that begin with <c>transformer.</c></param>
    /// <param name="layers">Number of layers.</param>
    /// <param name="tower">The tower that they are in.</param>
    /// <param name="isCausal">Whether a position sees only those before it.</param>
    public static string Transformer(this GraphBuilder g, string x, Checkpoint weights, int layers, ClipTower tower, bool isCausal)
    {
        var (width, rounds) = (tower.Width, tower.Rounds);
        for (var layer = 0; layer < layers; layer++)
        {
            using var scope = g.Scope($"layer_{layer}");
            var block = weights.Subtree($"resblocks.{layer}.");
            using (g.Scope("attention"))
            {
                var normed = g.LayerNorm(x, block.Read("ln_1.weight", width), block.Read("ln_1.bias", width));
                var qkv = g.Linear(normed, Rounded(block.Read("attn.in_proj_weight", 3 * width, width), rounds), Rounded(block.Read("attn.in_proj_bias", 3 * width), rounds));
                var attended = g.Contrib("MultiHeadAttention", g.Split(qkv, "query", "key", "value"), attributes: [("num_heads", tower.Heads), ("unidirectional", isCausal ? 1 : 0)]);
                x = g.Node("Add", [x, g.Linear(attended, Rounded(block.Read("attn.out_proj.weight", width, width), rounds), Rounded(block.Read("attn.out_proj.bias", width), rounds))]);
            }
            using (g.Scope("mlp"))
            {
                var normed = g.LayerNorm(x, block.Read("ln_2.weight", width), block.Read("ln_2.bias", width));
                var hidden = g.Linear(normed, Rounded(block.Read("mlp.c_fc.weight", tower.Inner, width), rounds), Rounded(block.Read("mlp.c_fc.bias", tower.Inner), rounds));
                hidden = g.Activate(hidden, tower.Activation);
                x = g.Node("Add", [x, g.Linear(hidden, Rounded(block.Read("mlp.c_proj.weight", width, tower.Inner), rounds), Rounded(block.Read("mlp.c_proj.bias", width), rounds))]);
            }
        }
        return x;
    }

    /// <summary>
    /// From ids, int64 [batch, length], which become an input, to the hidden states before the last norm and the place of the end of the
    /// text, int64 [batch, 1]: the first <see cref="ClipText.End"/>, or the largest id.
    /// </summary>
    public static (string Ids, string States, string End) TextTower(this GraphBuilder g, ClipText clip, Checkpoint weights)
    {
        var ids = g.Input("ids", DataType.Int64, "batch", clip.Length);
        var tokens = g.Node("Gather", [g.Weight("token", weights.Read("token_embedding.weight", clip.Vocabulary, clip.Width)), ids]);
        var x = g.Node("Add", [tokens, g.Weight("position", FirstRows(weights.Read("positional_embedding", clip.Positions, clip.Width), clip.Length))]);
        x = g.Transformer(x, weights.Subtree("transformer."), clip.Layers, clip, isCausal: true);
        var rank = clip.End is { } end ? g.Cast(g.Node("Equal", [ids, g.Scalar("end", (long)end)]), DataType.Bool, DataType.Float) : g.Cast(ids, DataType.Int64, DataType.Float);
        return (ids, x, g.Node("ArgMax", [rank], ("axis", 1), ("keepdims", 1)));
    }

    /// <summary>The last norm of a text tower.</summary>
    public static string LastNorm(this GraphBuilder g, string x, ClipText clip, Checkpoint weights) =>
        g.LayerNorm(x, weights.Read("ln_final.weight", clip.Width), weights.Read("ln_final.bias", clip.Width));

    /// <summary>The weights of CLIP are Float16 whatever the file holds: clip.load rounds those of convolutions, products and attention.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="rounds">False where another library loads it, which takes the weights as they are.</param>
    public static Tensor Rounded(Tensor tensor, bool rounds = true) => rounds ? new(tensor.Values, isFloat16: true, tensor.Shape) : tensor;

    private static Tensor FirstRows(Tensor matrix, int rows) =>
        rows == matrix.Shape[0] ? matrix : new(matrix.Values[..(rows * matrix.Shape[1])], matrix.IsFloat16, rows, matrix.Shape[1]);
}
