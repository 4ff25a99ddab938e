using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Architectures;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Families;

internal static partial class DallePytorchFamily
{
    // CLIP's constructor does not let them be chosen.
    private const int ClipHeadSize = 64;

    /// <summary>The project's own CLIP: two transformers without causality, whose outputs are averaged. It pads text with token 0.</summary>
    private static ClipGraphs Clip(BundleWriter bundle, Checkpoint weights, TokenizerFiles tokenizer)
    {
        var text = new TextFormat
        {
            Tokenizer = tokenizer,
            Cleaning = CleaningFor(tokenizer.Kind),
            Vocabulary = weights.Shape("text_emb.weight", rank: 2)[0],
            Length = weights.Shape("text_pos_emb.weight", rank: 2)[0],
            Padding = Padding.Shared,
            PaddingId = 0,
        };
        var embedding = weights.Shape("to_text_latent.weight", rank: 2)[0];
        var patch = Root(weights, "to_visual_embedding.weight", weights.Shape("to_visual_embedding.weight", rank: 2)[1] / Colors);
        var grid = Root(weights, "visual_pos_emb.weight", weights.Shape("visual_pos_emb.weight", rank: 2)[0]);
        return new ClipGraphs
        {
            TextEncoder = ClipText(bundle, weights, text, embedding),
            ImageEncoder = ClipImage(bundle, weights, patch, grid, embedding),
            Text = text,
            EmbeddingDimension = embedding,
            ImageSize = patch * grid,
            Resample = ResampleFilter.Bilinear,
            Scale = MathF.Exp(weights.Read("temperature", []).Values[0]),
        };
    }

    private static string ClipText(BundleWriter bundle, Checkpoint weights, TextFormat text, int embedding)
    {
        const string File = "clip_text.onnx";
        using var g = bundle.Graph(File);
        var stack = ClipLayers(weights, "text_transformer.");
        var ids = g.Input("ids", DataType.Int64, "batch", text.Length);
        var tokens = g.Node("Gather", [g.Weight("token", weights.Read("text_emb.weight", text.Vocabulary, stack.Dim)), ids]);
        var x = g.Node("Add", [tokens, g.Weight("position", weights.Read("text_pos_emb.weight", text.Length, stack.Dim))]);
        x = stack.Run(g, x, weights, (_, qkv) => g.SelfAttention(qkv, stack.Heads.Count));
        ClipEmbedding(g, x, weights.Read("to_text_latent.weight", embedding, stack.Dim));
        return File;
    }

    private static string ClipImage(BundleWriter bundle, Checkpoint weights, int patch, int grid, int embedding)
    {
        const string File = "clip_image.onnx";
        using var g = bundle.Graph(File);
        var stack = ClipLayers(weights, "visual_transformer.");
        var pixels = g.Input("pixels", DataType.Float, "batch", Colors, patch * grid, patch * grid);
        // A linear layer over a patch's pixels, colours innermost, is a convolution with colours outermost.
        var kernel = weights.Read("to_visual_embedding.weight", stack.Dim, patch * patch * Colors).Reshape(stack.Dim, patch, patch, Colors).Transpose(0, 3, 1, 2);
        var planes = g.Convolution(pixels, kernel, weights.Read("to_visual_embedding.bias", stack.Dim), stride: patch);
        var patches = g.Node("Transpose", [g.Node("Reshape", [planes, g.Constant("shape", 0, stack.Dim, grid * grid)])], ("perm", new long[] { 0, 2, 1 }));
        var x = g.Node("Add", [patches, g.Weight("position", weights.Read("visual_pos_emb.weight", grid * grid, stack.Dim))]);
        x = stack.Run(g, x, weights, (_, qkv) => g.SelfAttention(qkv, stack.Heads.Count));
        ClipEmbedding(g, x, weights.Read("to_visual_latent.weight", embedding, stack.Dim));
        return File;
    }

    private static TransformerLayers ClipLayers(Checkpoint weights, string prefix) => InferLayers(weights, prefix, headSize: ClipHeadSize);

    private static void ClipEmbedding(GraphBuilder g, string x, Tensor projection)
    {
        var mean = g.Node("ReduceMean", [x, g.Constant("positions", 1)], ("keepdims", 0));
        g.Node("LpNormalization", [g.Linear(mean, projection)], ["embedding"], ("axis", -1), ("p", 2));
        g.Output("embedding", DataType.Float, "batch", projection.Shape[0]);
        g.Save();
    }

    /// <summary>Patches are squares of pixels, and images are squares of patches.</summary>
    private static int Root(Checkpoint weights, string tensor, int count)
    {
        var root = (int)Math.Sqrt(count);
        return root > 0 && root * root == count ? root : throw new InvalidDataException(
            $"Tensor '{tensor}' of CLIP has the shape [{string.Join(", ", weights.Shape(tensor))}], by which patches or images are no squares.");
    }
}
