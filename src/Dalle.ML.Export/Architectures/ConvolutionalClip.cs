using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Export.Architectures.ImageLayers;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// The CLIP of our own models (<c>onnx/training</c>): a transformer whose outputs are averaged for the text, convolutions for the image.
/// </summary>
internal static class ConvolutionalClip
{
    /// <summary>Writes the graphs of text and image.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing or has another shape.</exception>
    public static (string Text, string Image) Write(BundleWriter bundle, Checkpoint weights, int textLength, int imageSize, int embedding, LayerNames names) => (
        WriteText(bundle, weights.Subtree("text."), textLength, embedding, names),
        WriteImage(bundle, weights.Subtree("image."), imageSize, embedding));

    private static string WriteText(BundleWriter bundle, Checkpoint weights, int length, int embedding, LayerNames names)
    {
        const int Heads = 4;
        const string File = "clip_text.onnx";
        using var g = bundle.Graph(File);
        var dim = weights.Shape("text_emb.weight")[1];
        var ids = g.Input("ids", DataType.Int64, "batch", length);
        var x = g.Node("Add", [g.Node("Gather", [g.Weight("token", weights.Read("text_emb.weight")), ids]), g.Weight("position", weights.Read("text_pos.weight"))]);
        var layers = new TransformerLayers
        {
            Count = weights.Count("blocks.", ".qkv.weight"),
            Dim = dim,
            Heads = AttentionHeads.Of(dim, Heads) with { IsPadded = false },
            Names = names,
        };
        x = layers.Run(g, x, weights, (_, qkv) => g.SelfAttention(qkv, Heads));
        var mean = g.Node("ReduceMean", [g.LayerNorm(x, weights.Read("ln.weight"), weights.Read("ln.bias")), g.Constant("positions", 1)], ("keepdims", 0));
        g.SaveEmbedding(g.Linear(mean, weights.Read("proj.weight"), weights.Read("proj.bias")), embedding);
        return File;
    }

    private static string WriteImage(BundleWriter bundle, Checkpoint weights, int imageSize, int embedding)
    {
        const string File = "clip_image.onnx";
        using var g = bundle.Graph(File);
        string Convolution(string x, string name, Tensor weight, int stride, int padding)
        {
            using var scope = g.Scope(name);
            return g.Convolution(x, weight, weights.Read(name + ".bias"), stride, padding);
        }

        var x = g.Input("pixels", DataType.Float, "batch", Colors, imageSize, imageSize);
        x = g.Relu(Convolution(x, "net.1", weights.Read("net.1.weight").UnfoldPixelUnshuffle(4), stride: 4, padding: 4));
        x = Convolution(x, "net.3", weights.Read("net.3.weight"), stride: 2, padding: 1);
        x = g.Relu(g.PreActivationResidual(x, "net.4", weights, weights.Shape("net.3.bias")[0]));
        x = Convolution(x, "net.6", weights.Read("net.6.weight"), stride: 2, padding: 1);
        x = g.Relu(g.PreActivationResidual(x, "net.7", weights, weights.Shape("net.6.bias")[0]));
        g.SaveEmbedding(g.Linear(g.Node("Flatten", [x]), weights.Read("proj.weight"), weights.Read("proj.bias")), embedding);
        return File;
    }
}
