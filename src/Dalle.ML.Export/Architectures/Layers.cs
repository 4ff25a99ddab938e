using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Quantization;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

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
    public static string Convolution(this GraphBuilder g, string x, Tensor weight, Tensor? bias, int stride = 1, int padding = 0) =>
        g.Node("Conv", bias is null ? [x, g.Weight("weight", weight)] : [x, g.Weight("weight", weight), g.Weight("bias", bias)],
            ("kernel_shape", new long[] { weight.Shape[2], weight.Shape[3] }),
            ("strides", new long[] { stride, stride }),
            ("pads", new long[] { padding, padding, padding, padding }));

    /// <summary>
    /// Normalises groups of channels of planes [batch, channels, height, width] over themselves and the plane, then scales each channel.
    /// </summary>
    public static string GroupNorm(this GraphBuilder g, string x, Tensor weight, Tensor bias, int groups, float epsilon)
    {
        var channels = weight.Shape[0];
        var scaled = g.Node("Mul", [g.NormalizeGroups(x, groups, epsilon), g.Weight("weight", weight.Reshape(channels, 1, 1))]);
        return g.Node("Add", [scaled, g.Weight("bias", bias.Reshape(channels, 1, 1))]);
    }

    /// <summary>Normalises groups of channels of planes as <see cref="GroupNorm"/>, and leaves the channels as they are then.</summary>
    public static string NormalizeGroups(this GraphBuilder g, string x, int groups, float epsilon)
    {
        // ONNX Runtime has no kernel of the operator of this name for CPUs, and takes it apart into more and slower ones.
        // Its statistics are of 32 bits whatever the graph computes in.
        var grouped = g.Cast(g.Node("Reshape", [x, g.Constant("groups", 0, groups, -1)]), g.Type, DataType.Float);
        float[] ones = [.. Enumerable.Repeat(1f, groups)];
        var normed = g.Node("InstanceNormalization", [grouped, g.Constant("ones", ones), g.Constant("zeros", new float[groups])], ("epsilon", epsilon));
        return g.Node("Reshape", [g.Cast(normed, DataType.Float, g.Type), g.Node("Shape", [x])]);
    }

    /// <summary>The first half of the channels, each multiplied by the GELU of its partner in the second (GEGLU, Shazeer 2020).</summary>
    private static string GatedGelu(this GraphBuilder g, string x)
    {
        var halves = g.Split(x, "value", "gate");
        return g.Node("Mul", [halves[0], g.Node("Gelu", [halves[1]])]);
    }

    /// <summary>x · σ(x).</summary>
    public static string Swish(this GraphBuilder g, string x) => g.Contrib("QuickGelu", [x], attributes: ("alpha", 1f));

    /// <summary>The nonlinearity of an MLP.</summary>
    public static string Activate(this GraphBuilder g, string x, Activation activation) => activation switch
    {
        Activation.Gelu => g.Node("Gelu", [x]),
        Activation.TanhGelu => g.Node("Gelu", [x], ("approximate", "tanh")),
        Activation.QuickGelu => g.Contrib("QuickGelu", [x], attributes: ("alpha", 1.702f)),
        _ => g.GatedGelu(x),
    };

    /// <summary>Splits the last axis into equal parts.</summary>
    public static string[] Split(this GraphBuilder g, string x, params string[] names)
    {
        var parts = Array.ConvertAll(names, g.Unique);
        g.Node("Split", [x], parts, ("axis", -1), ("num_outputs", parts.Length));
        return parts;
    }

    /// <summary>Attention of every position to all, from queries, keys and values side by side.</summary>
    public static string SelfAttention(this GraphBuilder g, string qkv, int heads) =>
        g.Contrib("MultiHeadAttention", g.Split(qkv, "query", "key", "value"), attributes: ("num_heads", heads));

    public static string Relu(this GraphBuilder g, string x) => g.Node("Relu", [x]);

    /// <summary>x + b(relu(a(relu(x)))), both convolutions 3 × 3.</summary>
    public static string PreActivationResidual(this GraphBuilder g, string x, string name, Checkpoint weights, int width)
    {
        using var scope = g.Scope(name);
        string Convolution(string x, string layer) => g.Convolution(
            g.Relu(x), weights.Read($"{name}.{layer}.weight", width, width, 3, 3), weights.Read($"{name}.{layer}.bias", width), padding: 1);
        return g.Node("Add", [x, Convolution(Convolution(x, "a"), "b")]);
    }

    /// <summary>Several times the width and height: each pixel becomes a square.</summary>
    public static string Enlarge(this GraphBuilder g, string x, int factor) =>
        g.Node("Resize", [x, "", g.Constant("scales", 1f, 1f, factor, factor)],
            ("mode", "nearest"), ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor"));

    /// <summary>Moves blocks of <paramref name="factor"/>² channels out to pixels, channels first (PyTorch's PixelShuffle).</summary>
    public static string PixelShuffle(this GraphBuilder g, string x, int factor) =>
        g.Node("DepthToSpace", [x], ("blocksize", factor), ("mode", "CRD"));

    /// <summary>Embeddings of the places of a grid in raster order: that of the row plus that of the column.</summary>
    public static Tensor GridPositions(Tensor rows, Tensor columns)
    {
        var (width, dim) = (columns.Shape[0], columns.Shape[1]);
        var sum = new float[rows.Shape[0] * width * dim];
        for (var i = 0; i < sum.Length; i++)
            sum[i] = rows.Values[i / (width * dim) * dim + i % dim] + columns.Values[i % (width * dim)];
        return new Tensor(sum, isFloat16: false, rows.Shape[0] * width, dim);
    }

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

/// <summary>The nonlinearity between the two products of an MLP.</summary>
internal enum Activation
{
    /// <summary>x · Φ(x).</summary>
    Gelu,

    /// <summary>GELU by the hyperbolic tangent.</summary>
    TanhGelu,

    /// <summary>x · σ(1.702 x).</summary>
    QuickGelu,

    /// <summary>One half of the channels by the GELU of the other.</summary>
    GatedGelu,
}
