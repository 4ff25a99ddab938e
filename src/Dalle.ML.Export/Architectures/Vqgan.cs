using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// The graphs of VQGAN (Esser et al. 2021), as in CompVis/taming-transformers: residual blocks with group normalisation, in levels that each
/// halve the image, and attention at the coarse ones.
/// </summary>
internal sealed class Vqgan(BundleWriter bundle, Checkpoint weights, VqganConfig config)
{
    /// <summary>Writes the decoder, and the encoder if the checkpoint has one.</summary>
    /// <param name="grid">Side of the square of image tokens.</param>
    /// <exception cref="InvalidDataException">A tensor is missing or has another shape.</exception>
    public ImageGraphs Write(int grid) => new(config.Stem is { } channels ? WriteEncoder(grid, channels) : null, WriteDecoder(grid));

    private string WriteEncoder(int grid, int channels)
    {
        const string File = "image_encoder.onnx";
        using var g = bundle.ImageGraph(File);
        var parts = weights.Subtree("encoder.");
        var pixels = g.Input("pixels", DataType.Float, "batch", 3, grid * config.Encoded, grid * config.Encoded);
        var x = config.IsSigned ? g.Node("Sub", [g.Node("Mul", [pixels, g.Scalar("two", 2f)]), g.Scalar("one", 1f)]) : pixels;
        x = Convolution(g, x, parts, "conv_in", 3, channels, kernel: 3);
        for (var level = 0; level < config.Channels.Length; level++)
        {
            for (var block = 0; block < config.Blocks - 1; block++)
            {
                x = Residual(g, x, parts, $"down.{level}.block.{block}", channels, config.Channels[level]);
                channels = config.Channels[level];
                if (config.AttentionLevels.Contains(level))
                    x = Attention(g, x, parts, $"down.{level}.attn.{block}", channels);
            }
            if (level < config.Channels.Length - 1)
                x = Halve(g, x, parts, $"down.{level}.downsample.conv", channels);
        }
        x = Middle(g, x, parts, channels);
        x = g.Swish(Norm(g, x, parts, "norm_out", channels));
        x = Convolution(g, x, parts, "conv_out", channels, config.Latent, kernel: 3);
        x = Convolution(g, x, weights, "quant_conv", config.Latent, config.CodeDimension, kernel: 1);
        x = config.IsGumbel ? Convolution(g, x, weights, "quantize.proj", config.CodeDimension, config.CodebookSize, kernel: 1) : Nearness(g, x);
        g.SaveTokens(x, grid, grid);
        return File;
    }

    private string WriteDecoder(int grid)
    {
        const string File = "image_decoder.onnx";
        using var g = bundle.ImageGraph(File);
        // ru-dALLE's DecoderDWT is a decoder within, and has its own post_quant_conv; the other one is not used.
        var whole = config.IsWavelet ? weights.Subtree("decoder.") : weights;
        var parts = whole.Subtree("decoder.");
        var channels = config.Channels[^1];
        var x = g.LookUpTokens(weights.Read(config.Codebook, config.CodebookSize, config.CodeDimension), grid, grid);
        x = Convolution(g, x, whole, "post_quant_conv", config.CodeDimension, config.Latent, kernel: 1);
        x = Convolution(g, x, parts, "conv_in", config.Latent, channels, kernel: 3);
        x = Middle(g, x, parts, channels);
        for (var level = config.Channels.Length - 1; level >= 0; level--)
        {
            for (var block = 0; block < config.Blocks; block++)
            {
                x = Residual(g, x, parts, $"up.{level}.block.{block}", channels, config.Channels[level]);
                channels = config.Channels[level];
                if (config.AttentionLevels.Contains(level))
                    x = Attention(g, x, parts, $"up.{level}.attn.{block}", channels);
            }
            if (level > 0)
                x = Convolution(g, g.Enlarge(x, 2), parts, $"up.{level}.upsample.conv", channels, channels, kernel: 3);
        }
        x = g.Swish(Norm(g, x, parts, "norm_out", channels));
        x = config.IsWavelet ? InverseHaar(g, x, parts, channels) : Convolution(g, x, parts, "conv_out", channels, 3, kernel: 3);
        if (config.IsSigned)
            x = g.Node("Add", [g.Node("Mul", [x, g.Scalar("half", 0.5f)]), g.Scalar("gray", 0.5f)]);
        g.SavePixels(x, grid * config.Decoded, grid * config.Decoded);
        return File;
    }

    private string Middle(GraphBuilder g, string x, Checkpoint parts, int channels)
    {
        x = Residual(g, x, parts, "mid.block_1", channels, channels);
        x = Attention(g, x, parts, "mid.attn_1", channels);
        return Residual(g, x, parts, "mid.block_2", channels, channels);
    }

    private string Residual(GraphBuilder g, string x, Checkpoint parts, string name, int from, int to)
    {
        using var scope = g.Scope(name);
        parts = parts.Subtree(name + ".");
        var path = Convolution(g, g.Swish(Norm(g, x, parts, "norm1", from)), parts, "conv1", from, to, kernel: 3);
        path = Convolution(g, g.Swish(Norm(g, path, parts, "norm2", to)), parts, "conv2", to, to, kernel: 3);
        return g.Node("Add", [from == to ? x : Convolution(g, x, parts, "nin_shortcut", from, to, kernel: 1), path]);
    }

    /// <summary>One head over all pixels, however many, with a residual path.</summary>
    private string Attention(GraphBuilder g, string x, Checkpoint parts, string name, int channels)
    {
        using var scope = g.Scope(name);
        parts = parts.Subtree(name + ".");
        var columns = g.Node("Reshape", [Norm(g, x, parts, "norm", channels), g.Constant("columns", 0, channels, -1)]);
        var rows = g.Node("Transpose", [columns], ("perm", new long[] { 0, 2, 1 }));
        string Project(string part, string value)
        {
            using var inner = g.Scope(part);
            return g.Linear(value, parts.Read(part + ".weight", channels, channels, 1, 1).Reshape(channels, channels), parts.Read(part + ".bias", channels));
        }
        var keys = g.Node("Transpose", [Project("k", rows)], ("perm", new long[] { 0, 2, 1 }));
        var scores = g.Node("Mul", [g.Node("MatMul", [Project("q", rows), keys]), g.Scalar("scale", 1 / MathF.Sqrt(channels))]);
        var attended = Project("proj_out", g.Node("MatMul", [g.Node("Softmax", [scores], ("axis", -1)), Project("v", rows)]));
        var planes = g.Node("Reshape", [g.Node("Transpose", [attended], ("perm", new long[] { 0, 2, 1 })), g.Node("Shape", [x])]);
        return g.Node("Add", [x, planes]);
    }

    /// <summary>Half the size, with a margin at the right and bottom alone.</summary>
    private static string Halve(GraphBuilder g, string x, Checkpoint parts, string name, int channels)
    {
        using var scope = g.Scope(name);
        var (weight, bias) = (parts.Read(name + ".weight", channels, channels, 3, 3), parts.Read(name + ".bias", channels));
        return g.Node("Conv", [x, g.Weight("weight", weight), g.Weight("bias", bias)],
            ("kernel_shape", new long[] { 3, 3 }), ("strides", new long[] { 2, 2 }), ("pads", new long[] { 0, 0, 1, 1 }));
    }

    /// <summary>z·e − ½‖e‖² for every codebook entry e: the largest belongs to the entry nearest to z.</summary>
    private string Nearness(GraphBuilder g, string z)
    {
        using var scope = g.Scope("codebook");
        var codebook = weights.Read(config.Codebook, config.CodebookSize, config.CodeDimension);
        var bias = codebook.Values.Chunk(config.CodeDimension).Select(entry => (float)(-0.5 * entry.Sum(value => (double)value * value)));
        return g.Convolution(z, codebook.Reshape(config.CodebookSize, config.CodeDimension, 1, 1), new Tensor([.. bias], isFloat16: false, config.CodebookSize));
    }

    /// <summary>
    /// The last convolution followed by the inverse wavelet transform of its channels. As the transform mixes channels and nothing else, the
    /// convolution's weights are mixed instead.
    /// </summary>
    private static string InverseHaar(GraphBuilder g, string x, Checkpoint parts, int channels)
    {
        using var scope = g.Scope("conv_out");
        var (weight, bias) = (parts.Read("conv_out.weight", HaarWavelet.Channels, channels, 3, 3), parts.Read("conv_out.bias", HaarWavelet.Channels));
        return g.PixelShuffle(g.Convolution(x, HaarWavelet.Invert(weight), HaarWavelet.Invert(bias), padding: 1), 2);
    }

    private string Norm(GraphBuilder g, string x, Checkpoint parts, string name, int channels)
    {
        using var scope = g.Scope(name);
        return g.GroupNorm(x, parts.Read(name + ".weight", channels), parts.Read(name + ".bias", channels), VqganConfig.Groups, config.Epsilon);
    }

    private static string Convolution(GraphBuilder g, string x, Checkpoint parts, string name, int from, int to, int kernel)
    {
        using var scope = g.Scope(name);
        return g.Convolution(x, parts.Read(name + ".weight", to, from, kernel, kernel), parts.Read(name + ".bias", to), padding: kernel / 2);
    }
}
