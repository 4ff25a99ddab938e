using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Graph;

/// <summary>The layers that the model families are made of, from PyTorch's weights, as sequences of ONNX nodes.</summary>
internal static class Layers
{
    /// <summary>y = x Wᵀ + b, with W as PyTorch keeps it: [out, in].</summary>
    public static string Linear(this GraphBuilder g, string x, Tensor weight, Tensor? bias = null)
    {
        var product = g.MatMul(x, weight.Transpose(1, 0));
        return bias is null ? product : g.Node("Add", [product, g.Weight("bias", bias)]);
    }

    /// <summary>y = x W with W [in, out], in the graph's precision.</summary>
    public static string MatMul(this GraphBuilder g, string x, Tensor weight) => g.Precision switch
    {
        Precision.Int8 => g.MatMul8(x, weight),
        Precision.Int4 => g.MatMul4(x, weight),
        _ => g.Node("MatMul", [x, g.Weight("weight", weight)]),
    };

    public static string LayerNorm(this GraphBuilder g, string x, Tensor weight, Tensor bias, float epsilon = 1e-5f) =>
        g.Node("LayerNormalization", [x, g.Weight("weight", weight), g.Weight("bias", bias)], ("epsilon", epsilon));

    /// <summary>A square convolution of weight [out, in, k, k].</summary>
    public static string Convolution(this GraphBuilder g, string x, Tensor weight, Tensor bias, int stride = 1, int padding = 0) =>
        g.Node("Conv", [x, g.Weight("weight", weight), g.Weight("bias", bias)],
            ("kernel_shape", new long[] { weight.Shape[2], weight.Shape[3] }),
            ("strides", new long[] { stride, stride }),
            ("pads", new long[] { padding, padding, padding, padding }));

    public static string Relu(this GraphBuilder g, string x) => g.Node("Relu", [x]);

    /// <summary>Moves blocks of <paramref name="factor"/>² channels out to pixels, channels first (PyTorch's PixelShuffle).</summary>
    public static string PixelShuffle(this GraphBuilder g, string x, int factor) =>
        g.Node("DepthToSpace", [x], ("blocksize", factor), ("mode", "CRD"));

    /// <summary>
    /// The weight of a convolution over the image itself that equals a convolution of weight [out, c·f², k, k] over blocks of f × f
    /// pixels folded into channels (PyTorch's PixelUnshuffle). Its stride is f and its padding f times the old one.
    /// </summary>
    public static Tensor UnfoldPixelUnshuffle(this Tensor weight, int factor)
    {
        var (output, channels, kernel) = (weight.Shape[0], weight.Shape[1] / (factor * factor), weight.Shape[2]);
        return weight
            .Reshape(output, channels, factor, factor, kernel, kernel)
            .Transpose(0, 1, 4, 2, 5, 3)
            .Reshape(output, channels, kernel * factor, kernel * factor);
    }
}
