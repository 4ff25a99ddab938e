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
    /// <param name="bundle">The bundle.</param>
    /// <param name="weights">The tensors of both towers.</param>
    /// <param name="textLength">Number of places of a text.</param>
    /// <param name="imageSize">Side of an image.</param>
    /// <param name="embedding">Number of values of an embedding.</param>
    /// <param name="names">What layers are called.</param>
    /// <param name="isUnclip">Whether they have the outputs that the networks of DALL·E 2 take, too.</param>
    /// <exception cref="InvalidDataException">A tensor is missing or has another shape.</exception>
    public static (string Text, string Image) Write(
        BundleWriter bundle, Checkpoint weights, int textLength, int imageSize, int embedding, LayerNames names, bool isUnclip = false) => (
        WriteText(bundle, weights.Subtree("text."), textLength, embedding, names, isUnclip),
        WriteImage(bundle, weights.Subtree("image."), imageSize, embedding, isUnclip));

    private static string WriteText(BundleWriter bundle, Checkpoint weights, int length, int embedding, LayerNames names, bool isUnclip)
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
        var states = g.LayerNorm(x, weights.Read("ln.weight"), weights.Read("ln.bias"));
        var mean = g.Node("ReduceMean", [states, g.Constant("positions", 1)], ("keepdims", 0));
        var pooled = g.Linear(mean, weights.Read("proj.weight"), weights.Read("proj.bias"));
        if (isUnclip)
        {
            g.Node("Identity", [states], ["sequence"]);
            g.Output("sequence", DataType.Float, "batch", length, dim);
            // Each place of padding has an id of its own, which the tower learned as it did those of words: all places are text.
            g.Node("GreaterOrEqual", [ids, g.Scalar("first", 0L)], ["mask"]);
            g.Output("mask", DataType.Bool, "batch", length);
            Unit(g, pooled, "pooled", embedding);
        }
        g.SaveEmbedding(pooled, embedding);
        return File;
    }

    private static string WriteImage(BundleWriter bundle, Checkpoint weights, int imageSize, int embedding, bool isUnclip)
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
        x = g.Linear(g.Node("Flatten", [x]), weights.Read("proj.weight"), weights.Read("proj.bias"));
        if (isUnclip)
            Unit(g, x, "features", embedding);
        g.SaveEmbedding(x, embedding);
        return File;
    }

    /// <summary>An output of length 1.</summary>
    private static void Unit(GraphBuilder g, string x, string name, int embedding)
    {
        g.Node("LpNormalization", [x], [name], ("axis", -1), ("p", 2));
        g.Output(name, DataType.Float, "batch", embedding);
    }
}
