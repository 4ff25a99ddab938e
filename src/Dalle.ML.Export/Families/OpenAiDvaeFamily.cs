using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Architectures;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Families;

/// <summary>
/// The discrete VAE of DALL·E (openai/DALL-E: dall_e/encoder.py, decoder.py, utils.py), a codec without a transformer: groups of residual
/// blocks, of which each but the last halves the image on the way in, and doubles it on the way out.
/// </summary>
internal static class OpenAiDvaeFamily
{
    private const string Name = "openai-dvae";
    private const int DefaultSide = 256;
    private const int InputKernel = 7;

    // The model works on logits of pixels, which must not be infinite.
    private const float Margin = 0.1f;

    private static readonly Dictionary<string, Config> Sizes = new()
    {
        ["published"] = new(8192, new Half(256, [256, 512, 1024, 2048], Blocks: 2), new Half(128, [2048, 1024, 512, 256], Blocks: 2)),
        ["tiny"] = new(64, new Half(16, [16, 16, 32, 32], Blocks: 1), new Half(12, [32, 32, 16, 16], Blocks: 1)),
    };

    private static readonly int[] EncoderKernels = [3, 3, 3, 1];
    private static readonly int[] DecoderKernels = [1, 3, 3, 3];

    public static ModelFamily Family { get; } = new(Name, "a folder with encoder.pkl and decoder.pkl, or these two files", Export)
    {
        Sizes = [.. Sizes.Keys],
        Settings = new Dictionary<string, string>
        {
            ["width"] = $"Width of the images in pixels; {DefaultSide} by default.",
            ["height"] = $"Height of the images in pixels; {DefaultSide} by default.",
        },
    };

    private static Manifest Export(ExportSource source, BundleWriter bundle)
    {
        var encoder = source.OpenModel(0, "blocks.input.w", "encoder.pkl", "encoder.pt", "encoder.safetensors");
        var decoder = source.OpenModel(1, "blocks.input.w", "decoder.pkl", "decoder.pt", "decoder.safetensors");
        var config = source.Size is { } size ? Sizes[size] : Config.Infer(encoder, decoder);
        return Describe(bundle, encoder, decoder, config, config.Tokens("height", source), config.Tokens("width", source));
    }

    /// <summary>A bundle of the usual size for images alone, from the two parts within the checkpoint of another family.</summary>
    /// <exception cref="InvalidDataException">The weights are no such model's.</exception>
    public static Manifest Export(BundleWriter bundle, Checkpoint encoder, Checkpoint decoder)
    {
        var config = Config.Infer(encoder, decoder);
        return Describe(bundle, encoder, decoder, config, DefaultSide / config.Reduction, DefaultSide / config.Reduction);
    }

    private static Manifest Describe(BundleWriter bundle, Checkpoint encoder, Checkpoint decoder, Config config, int rows, int columns) => new()
    {
        Format = Manifest.CurrentFormat,
        Name = Name,
        Family = Name,
        Precision = Precision.Fp32.Name(),
        Image = new ImageFormat
        {
            Width = columns * config.Reduction,
            Height = rows * config.Reduction,
            Rows = rows,
            Columns = columns,
            CodebookSize = config.Codes,
            Resample = ResampleFilter.Lanczos,
        },
        ImageEncoder = ImageEncoder(bundle, encoder.Subtree("blocks."), config, rows, columns),
        ImageDecoder = ImageDecoder(bundle, decoder.Subtree("blocks."), config, rows, columns),
        Files = [],
    };

    private static string ImageEncoder(BundleWriter bundle, Checkpoint weights, Config config, int rows, int columns)
    {
        const string File = "image_encoder.onnx";
        using var g = bundle.ImageGraph(File);
        var half = config.Encoder;
        var pixels = g.Input("pixels", DataType.Float, "batch", 3, rows * config.Reduction, columns * config.Reduction);
        var x = g.Node("Add", [g.Node("Mul", [pixels, g.Scalar("range", 1 - 2 * Margin)]), g.Scalar("margin", Margin)]);
        x = Convolution(g, x, weights, "input", 3, half.Stem, InputKernel);
        for (var group = 1; group <= half.Groups.Length; group++)
        {
            x = Group(g, x, weights, group, half, EncoderKernels);
            if (group < half.Groups.Length)
            {
                using var scope = g.Scope($"group_{group}.pool");
                x = g.Node("MaxPool", [x], ("kernel_shape", new long[] { 2, 2 }), ("strides", new long[] { 2, 2 }));
            }
        }
        x = Convolution(g, g.Relu(x), weights, "output.conv", half.Groups[^1], config.Codes, kernel: 1);
        g.Node("Flatten", [g.Node("ArgMax", [x], ("axis", 1), ("keepdims", 0))], ["tokens"]);
        g.Output("tokens", DataType.Int64, "batch", rows * columns);
        g.Save();
        return File;
    }

    private static string ImageDecoder(BundleWriter bundle, Checkpoint weights, Config config, int rows, int columns)
    {
        const string File = "image_decoder.onnx";
        using var g = bundle.ImageGraph(File);
        var half = config.Decoder;
        var tokens = g.Input("tokens", DataType.Int64, "batch", rows * columns);
        var codes = g.Node("Transpose", [g.Node("Gather", [g.Weight("codebook", Codebook(weights, config)), tokens])], ("perm", new long[] { 0, 2, 1 }));
        var x = g.Node("Reshape", [codes, g.Constant("grid", 0, half.Stem, rows, columns)]);
        for (var group = 1; group <= half.Groups.Length; group++)
            x = Group(g, x, weights, group, half, DecoderKernels, doubles: group > 1);

        // Of the six channels three are how certain the model is of the other three.
        var (weight, bias) = (weights.Read("output.conv.w", 6, half.Groups[^1], 1, 1), weights.Read("output.conv.b", 6));
        x = g.Node("Sigmoid", [g.Convolution(g.Relu(x), weight.Rows(..3), bias.Rows(..3))]);
        x = g.Node("Div", [g.Node("Sub", [x, g.Scalar("margin", Margin)]), g.Scalar("range", 1 - 2 * Margin)]);
        g.Node("Clip", [x, g.Scalar("black", 0f), g.Scalar("white", 1f)], ["pixels"]);
        g.Output("pixels", DataType.Float, "batch", 3, rows * config.Reduction, columns * config.Reduction);
        g.Save();
        return File;
    }

    /// <summary>What the decoder's first convolution, over pixels that are one-hot vectors, makes of each code.</summary>
    private static Tensor Codebook(Checkpoint weights, Config config)
    {
        var (stem, bias) = (config.Decoder.Stem, weights.Read("input.b", config.Decoder.Stem));
        var codes = weights.Read("input.w", stem, config.Codes, 1, 1).Reshape(stem, config.Codes).Transpose(1, 0);
        return new Tensor([.. codes.Values.Select((value, i) => value + bias.Values[i % stem])], isHalf: false, config.Codes, stem);
    }

    private static string Group(GraphBuilder g, string x, Checkpoint weights, int group, Half half, int[] kernels, bool doubles = false)
    {
        var (from, to) = (group == 1 ? half.Stem : half.Groups[group - 2], half.Groups[group - 1]);
        for (var block = 1; block <= half.Blocks; block++)
            x = Block(g, x, weights, $"group_{group}.block_{block}", block == 1 ? from : to, to, half.Gain, kernels, doubles && block == 1);
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
                path = g.Double(path);
        }
        x = from == to ? x : Convolution(g, x, weights, "id_path", from, to, kernel: 1);
        return g.Node("Add", [doubles ? g.Double(x) : x, g.Node("Mul", [path, g.Scalar("gain", gain)])]);
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
    private sealed record Half(int Stem, int[] Groups, int Blocks)
    {
        /// <summary>The factor of every residual path; no tensor holds it.</summary>
        public float Gain => 1f / (Groups.Length * Blocks * Groups.Length * Blocks);

        /// <exception cref="InvalidDataException">The weights are no such model's.</exception>
        public static Half Infer(Checkpoint weights)
        {
            const string Last = ".res_path.conv_4.w";
            var groups = Math.Max(1, weights.Count("blocks.group_", ".block_1" + Last, first: 1));
            return new Half(
                weights.Shape("blocks.input.w", rank: 4)[0],
                [.. Enumerable.Range(1, groups).Select(group => weights.Shape($"blocks.group_{group}.block_1{Last}", rank: 4)[0])],
                weights.Count("blocks.group_1.block_", Last, first: 1));
        }
    }

    private sealed record Config(int Codes, Half Encoder, Half Decoder)
    {
        /// <summary>Pixels on a side of what a code stands for.</summary>
        public int Reduction => 1 << (Encoder.Groups.Length - 1);

        /// <exception cref="InvalidDataException">The weights are no such model's.</exception>
        public static Config Infer(Checkpoint encoder, Checkpoint decoder)
        {
            var config = new Config(encoder.Shape("blocks.output.conv.w", rank: 4)[0], Half.Infer(encoder), Half.Infer(decoder));
            return config.Encoder.Groups.Length == config.Decoder.Groups.Length
                ? config
                : throw new InvalidDataException($"The encoder has {config.Encoder.Groups.Length} groups and the decoder {config.Decoder.Groups.Length}: they belong to different models.");
        }

        /// <summary>Number of codes along a side.</summary>
        /// <exception cref="ArgumentException">The side is no multiple of what a code stands for.</exception>
        public int Tokens(string side, ExportSource source)
        {
            var pixels = source.Setting(side) ?? DefaultSide;
            return pixels > 0 && pixels % Reduction == 0
                ? pixels / Reduction
                : throw new ArgumentException($"The setting {side} is {pixels}; it must be a multiple of {Reduction}.");
        }
    }
}
