using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Export.Architectures.ClipTransformer;

namespace Dalle.ML.Export.Architectures;

/// <summary>The vision transformer of CLIP (openai/CLIP, clip/model.py, VisionTransformer).</summary>
internal static class ClipVit
{
    /// <summary>From pixels to an embedding that is not yet normalized.</summary>
    /// <param name="g">The graph.</param>
    /// <param name="x">Normalized pixels.</param>
    /// <param name="weights">The tensors that begin with <c>visual.</c></param>
    /// <param name="tower">The tower.</param>
    /// <param name="patch">Side of the square of pixels that is one position.</param>
    /// <param name="imageSize">Side of the image in pixels.</param>
    /// <param name="embedding">Dimension of the embedding.</param>
    public static string VisionTransformer(this GraphBuilder g, string x, Checkpoint weights, ClipImage tower, int patch, int imageSize, int embedding)
    {
        var (width, rounds) = (tower.Width, tower.Rounds);
        var patches = imageSize / patch * (imageSize / patch);
        using (g.Scope("patches"))
        {
            x = g.Convolution(x, Rounded(weights.Read("conv1.weight", width, 3, patch, patch), rounds), bias: null, stride: patch);
            x = g.Node("Transpose", [g.Node("Reshape", [x, g.Constant("columns", 0, width, patches)])], ("perm", new long[] { 0, 2, 1 }));

            // The class token comes first: zeros, to which its embedding is added together with that of its position.
            var positions = weights.Read("positional_embedding", patches + 1, width);
            var first = weights.Read("class_embedding", width).Values.Zip(positions.Values, (token, position) => token + position);
            var added = new Tensor([.. first, .. positions.Values[width..]], isFloat16: false, patches + 1, width);
            x = g.Node("Add", [g.Node("Pad", [x, g.Constant("class", 0, 1, 0, 0, 0, 0)]), g.Weight("position", added)]);
            x = g.LayerNorm(x, weights.Read("ln_pre.weight", width), weights.Read("ln_pre.bias", width));
        }
        x = g.Transformer(x, weights.Subtree("transformer."), tower.Layers[0], tower, isCausal: false);
        x = g.Node("Gather", [x, g.Scalar("class", 0L)], ("axis", 1));
        x = g.LayerNorm(x, weights.Read("ln_post.weight", width), weights.Read("ln_post.bias", width));
        return g.MatMul(x, Rounded(weights.Read("proj", width, embedding), rounds));
    }
}
