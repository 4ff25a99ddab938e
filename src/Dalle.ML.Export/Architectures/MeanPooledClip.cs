using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Export.Architectures.ImageLayers;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>The CLIP of lucidrains/DALLE-pytorch: two transformers without causality, whose outputs are averaged.</summary>
/// <param name="Text">The layers of the text.</param>
/// <param name="Image">The layers of the image.</param>
/// <param name="Vocabulary">Number of text ids.</param>
/// <param name="TextLength">Number of text positions.</param>
/// <param name="Embedding">Dimension of the embedding.</param>
/// <param name="Patch">Side of the square of pixels that is one position.</param>
/// <param name="Grid">Side of the square of patches.</param>
internal sealed record MeanPooledClip(TransformerLayers Text, TransformerLayers Image, int Vocabulary, int TextLength, int Embedding, int Patch, int Grid)
{
    public int ImageSize => Patch * Grid;

    /// <param name="weights">The model.</param>
    /// <param name="text">The layers of the text.</param>
    /// <param name="image">The layers of the image.</param>
    /// <exception cref="InvalidDataException">The weights are not those of such a model.</exception>
    public static MeanPooledClip Infer(Checkpoint weights, TransformerLayers text, TransformerLayers image) => new(
        text,
        image,
        weights.Shape("text_emb.weight", rank: 2)[0],
        weights.Shape("text_pos_emb.weight", rank: 2)[0],
        weights.Shape("to_text_latent.weight", rank: 2)[0],
        Root(weights, "to_visual_embedding.weight", weights.Shape("to_visual_embedding.weight", rank: 2)[1] / Colors),
        Root(weights, "visual_pos_emb.weight", weights.Shape("visual_pos_emb.weight", rank: 2)[0]));

    /// <summary>Writes the graphs of text and image.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing or has another shape.</exception>
    public (string Text, string Image) Write(BundleWriter bundle, Checkpoint weights) => (WriteText(bundle, weights), WriteImage(bundle, weights));

    private string WriteText(BundleWriter bundle, Checkpoint weights)
    {
        const string File = "clip_text.onnx";
        using var g = bundle.Graph(File);
        var ids = g.Input("ids", DataType.Int64, "batch", TextLength);
        var tokens = g.Node("Gather", [g.Weight("token", weights.Read("text_emb.weight", Vocabulary, Text.Dim)), ids]);
        var x = g.Node("Add", [tokens, g.Weight("position", weights.Read("text_pos_emb.weight", TextLength, Text.Dim))]);
        x = Text.Run(g, x, weights, (_, qkv) => g.SelfAttention(qkv, Text.Heads.Count));
        SaveMean(g, x, weights.Read("to_text_latent.weight", Embedding, Text.Dim));
        return File;
    }

    private string WriteImage(BundleWriter bundle, Checkpoint weights)
    {
        const string File = "clip_image.onnx";
        using var g = bundle.Graph(File);
        var pixels = g.Input("pixels", DataType.Float, "batch", Colors, ImageSize, ImageSize);
        // A linear layer over a patch's pixels, colours innermost, is a convolution with colours outermost.
        var kernel = weights.Read("to_visual_embedding.weight", Image.Dim, Patch * Patch * Colors).Reshape(Image.Dim, Patch, Patch, Colors).Transpose(0, 3, 1, 2);
        var planes = g.Convolution(pixels, kernel, weights.Read("to_visual_embedding.bias", Image.Dim), stride: Patch);
        var patches = g.Node("Transpose", [g.Node("Reshape", [planes, g.Constant("shape", 0, Image.Dim, Grid * Grid)])], ("perm", new long[] { 0, 2, 1 }));
        var x = g.Node("Add", [patches, g.Weight("position", weights.Read("visual_pos_emb.weight", Grid * Grid, Image.Dim))]);
        x = Image.Run(g, x, weights, (_, qkv) => g.SelfAttention(qkv, Image.Heads.Count));
        SaveMean(g, x, weights.Read("to_visual_latent.weight", Embedding, Image.Dim));
        return File;
    }

    private static void SaveMean(GraphBuilder g, string x, Tensor projection)
    {
        var mean = g.Node("ReduceMean", [x, g.Constant("positions", 1)], ("keepdims", 0));
        g.SaveEmbedding(g.Linear(mean, projection), projection.Shape[0]);
    }

    /// <summary>Patches are squares of pixels, and images are squares of patches.</summary>
    private static int Root(Checkpoint weights, string tensor, int count)
    {
        var root = (int)Math.Sqrt(count);
        return root > 0 && root * root == count ? root : throw new InvalidDataException(
            $"Tensor '{tensor}' of CLIP has the shape [{string.Join(", ", weights.Shape(tensor))}], which does not give square patches and images.");
    }
}
