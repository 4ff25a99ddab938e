using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Export.Architectures.ImageLayers;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// The discrete VAE of DALL·E (openai/DALL-E: dall_e/encoder.py, decoder.py, utils.py): groups of residual blocks, of which each but the last
/// halves the image on the way in, and doubles it on the way out.
/// </summary>
internal sealed record OpenAiVae(int CodebookSize, OpenAiVae.Stack Encoder, OpenAiVae.Stack Decoder)
{
    private const int InputKernel = 7;

    // The model works on logits of pixels, which must not be infinite.
    private const float Margin = 0.1f;

    private static readonly int[] EncoderKernels = [3, 3, 3, 1];
    private static readonly int[] DecoderKernels = [1, 3, 3, 3];

    /// <summary>Side of the square of pixels that one token stands for.</summary>
    public int Reduction => 1 << (Encoder.Groups.Length - 1);

    /// <exception cref="InvalidDataException">The weights are not those of such a model.</exception>
    public static OpenAiVae Infer(Checkpoint encoder, Checkpoint decoder)
    {
        var vae = new OpenAiVae(encoder.Shape("blocks.output.conv.w", rank: 4)[0], Stack.Infer(encoder), Stack.Infer(decoder));
        return vae.Encoder.Groups.Length == vae.Decoder.Groups.Length
            ? vae
            : throw new InvalidDataException($"The encoder has {vae.Encoder.Groups.Length} groups and the decoder {vae.Decoder.Groups.Length}: they belong to different models.");
    }

    /// <summary>Writes the encoder and the decoder.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing or has another shape.</exception>
    public ImageGraphs Write(BundleWriter bundle, Checkpoint encoder, Checkpoint decoder, int rows, int columns) => new(
        WriteEncoder(bundle, encoder.Subtree("blocks."), rows, columns),
        WriteDecoder(bundle, decoder.Subtree("blocks."), rows, columns));

    private string WriteEncoder(BundleWriter bundle, Checkpoint weights, int rows, int columns)
    {
        const string File = "image_encoder.onnx";
        using var g = bundle.ImageGraph(File);
        var stack = Encoder;
        var pixels = g.Input("pixels", DataType.Float, "batch", Colors, rows * Reduction, columns * Reduction);
        var x = g.Node("Add", [g.Node("Mul", [pixels, g.Scalar("range", 1 - 2 * Margin)]), g.Scalar("margin", Margin)]);
        x = Convolution(g, x, weights, "input", Colors, stack.Stem, InputKernel);
        for (var group = 1; group <= stack.Groups.Length; group++)
        {
            x = Group(g, x, weights, group, stack, EncoderKernels);
            if (group < stack.Groups.Length)
            {
                using var scope = g.Scope($"group_{group}.pool");
                x = g.Node("MaxPool", [x], ("kernel_shape", new long[] { 2, 2 }), ("strides", new long[] { 2, 2 }));
            }
        }
        x = Convolution(g, g.Relu(x), weights, "output.conv", stack.Groups[^1], CodebookSize, kernel: 1);
        g.SaveTokens(x, rows, columns);
        return File;
    }

    private string WriteDecoder(BundleWriter bundle, Checkpoint weights, int rows, int columns)
    {
        const string File = "image_decoder.onnx";
        using var g = bundle.ImageGraph(File);
        var stack = Decoder;
        var x = g.LookUpTokens(Codebook(weights), rows, columns);
        for (var group = 1; group <= stack.Groups.Length; group++)
            x = Group(g, x, weights, group, stack, DecoderKernels, doubles: group > 1);

        // Of the six channels three are how certain the model is of the other three.
        var (weight, bias) = (weights.Read("output.conv.w", 6, stack.Groups[^1], 1, 1), weights.Read("output.conv.b", 6));
        x = g.Node("Sigmoid", [g.Convolution(g.Relu(x), weight.Rows(..3), bias.Rows(..3))]);
        x = g.Node("Div", [g.Node("Sub", [x, g.Scalar("margin", Margin)]), g.Scalar("range", 1 - 2 * Margin)]);
        g.SavePixels(x, rows * Reduction, columns * Reduction);
        return File;
    }

    /// <summary>The output of the first convolution, whose input is a one-hot vector, for each codebook index.</summary>
    private Tensor Codebook(Checkpoint weights)
    {
        var (stem, bias) = (Decoder.Stem, weights.Read("input.b", Decoder.Stem));
        var codebook = weights.Read("input.w", stem, CodebookSize, 1, 1).Reshape(stem, CodebookSize).Transpose(1, 0);
        return new Tensor([.. codebook.Values.Select((value, i) => value + bias.Values[i % stem])], isFloat16: false, CodebookSize, stem);
    }

    private static string Group(GraphBuilder g, string x, Checkpoint weights, int group, Stack stack, int[] kernels, bool doubles = false)
    {
        var (from, to) = (group == 1 ? stack.Stem : stack.Groups[group - 2], stack.Groups[group - 1]);
        for (var block = 1; block <= stack.Blocks; block++)
            x = Block(g, x, weights, $"group_{group}.block_{block}", block == 1 ? from : to, to, stack.Gain, kernels, doubles && block == 1);
        return x;
    }

    /// <summary>
    /// x + gain · (four convolutions, each after a rectifier). A block that follows a doubling of the image does it itself, behind its first
    /// convolutions: they are 1 × 1, so that the result is the same, from a quarter of the work.
    /// </summary>
    private static string Block(GraphBuilder g, string x, Checkpoint weights, string name, int from, int to, float gain, int[] kernels, bool doubles)
    {
        using var scope = g.Scope(name);
        weights = weights.Subtree(name + ".");
        var hidden = to / 4;
        var path = x;
        for (var i = 1; i <= 4; i++)
        {
            path = Convolution(g, g.Relu(path), weights, $"res_path.conv_{i}", i == 1 ? from : hidden, i == 4 ? to : hidden, kernels[i - 1]);
            if (i == 1 && doubles)
                path = g.Enlarge(path, 2);
        }
        x = from == to ? x : Convolution(g, x, weights, "id_path", from, to, kernel: 1);
        return g.Node("Add", [doubles ? g.Enlarge(x, 2) : x, g.Node("Mul", [path, g.Scalar("gain", gain)])]);
    }

    private static string Convolution(GraphBuilder g, string x, Checkpoint weights, string name, int from, int to, int kernel)
    {
        using var scope = g.Scope(name);
        return g.Convolution(x, weights.Read(name + ".w", to, from, kernel, kernel), weights.Read(name + ".b", to), padding: kernel / 2);
    }

    /// <summary>The encoder or the decoder.</summary>
    /// <param name="Stem">Channels of the first convolution.</param>
    /// <param name="Groups">Channels of each group.</param>
    /// <param name="Blocks">Residual blocks of a group.</param>
    internal sealed record Stack(int Stem, int[] Groups, int Blocks)
    {
        /// <summary>The factor of every residual path; no tensor holds it.</summary>
        public float Gain => 1f / (Groups.Length * Blocks * Groups.Length * Blocks);

        /// <exception cref="InvalidDataException">The weights are not those of such a model.</exception>
        public static Stack Infer(Checkpoint weights)
        {
            const string Last = ".res_path.conv_4.w";
            var groups = Math.Max(1, weights.Count("blocks.group_", ".block_1" + Last, first: 1));
            return new Stack(
                weights.Shape("blocks.input.w", rank: 4)[0],
                [.. Enumerable.Range(1, groups).Select(group => weights.Shape($"blocks.group_{group}.block_1{Last}", rank: 4)[0])],
                weights.Count("blocks.group_1.block_", Last, first: 1));
        }
    }
}
