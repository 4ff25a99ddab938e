using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Export.Architectures.ImageLayers;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// DiscreteVAE of lucidrains/DALLE-pytorch: convolutions that each halve the image, then residual blocks, and the reverse. The token of a
/// place is the likeliest one.
/// </summary>
internal sealed record ConvolutionalVae
{
    private const int MaxLayers = 16;

    public required int ImageSize { get; init; }

    /// <summary>Number of times that the image is halved.</summary>
    public required int Layers { get; init; }

    /// <summary>Number of residual blocks.</summary>
    public required int Residuals { get; init; }

    /// <summary>Number of channels between pixels and tokens.</summary>
    public required int Hidden { get; init; }

    public required int CodebookSize { get; init; }

    /// <summary>Channels of a codebook entry.</summary>
    public required int CodeDimension { get; init; }

    /// <summary>Mean of the pixels in 0..1, by colour.</summary>
    public float[] Mean { get; init; } = [0.5f, 0.5f, 0.5f];

    /// <summary>Deviation of the pixels, by colour.</summary>
    public float[] Deviation { get; init; } = [0.5f, 0.5f, 0.5f];

    /// <summary>Side of the square of image tokens.</summary>
    public int Grid => ImageSize >> Layers;

    /// <exception cref="InvalidDataException">The weights are not those of such a model.</exception>
    public static ConvolutionalVae Infer(Checkpoint weights, SavedArguments arguments)
    {
        var layers = weights.Count("encoder.", ".0.weight");
        var codebook = weights.Shape("codebook.weight", rank: 2);
        var vae = new ConvolutionalVae
        {
            ImageSize = arguments.Number("image_size", 256),
            Layers = layers,
            Residuals = Enumerable.Range(layers, int.MaxValue - layers).TakeWhile(i => weights.Contains($"encoder.{i}.net.0.weight")).Count(),
            Hidden = weights.Shape("encoder.0.0.weight", rank: 4)[0],
            CodebookSize = codebook[0],
            CodeDimension = codebook[1],
        };
        if (layers > MaxLayers || vae.Grid << layers != vae.ImageSize)
            throw new InvalidDataException($"The autoencoder cannot halve images of {vae.ImageSize} pixels {layers} times.");
        return arguments.IsNone("normalization")
            ? vae with { Mean = [0, 0, 0], Deviation = [1, 1, 1] }
            : vae with { Mean = arguments.Colors("normalization.0", vae.Mean), Deviation = arguments.Colors("normalization.1", vae.Deviation) };
    }

    /// <summary>Writes the encoder and the decoder.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing or has another shape.</exception>
    public ImageGraphs Write(BundleWriter bundle, Checkpoint weights) =>
        new(WriteEncoder(bundle, weights.Subtree("encoder.")), WriteDecoder(bundle, weights));

    private string WriteEncoder(BundleWriter bundle, Checkpoint weights)
    {
        const string File = "image_encoder.onnx";
        using var g = bundle.ImageGraph(File);
        var pixels = g.Input("pixels", DataType.Float, "batch", Colors, ImageSize, ImageSize);
        var x = g.Node("Div", [g.Node("Sub", [pixels, ByColor(g, "mean", Mean)]), ByColor(g, "deviation", Deviation)]);
        for (var layer = 0; layer < Layers; layer++)
        {
            using var scope = g.Scope($"layer_{layer}");
            var from = layer == 0 ? Colors : Hidden;
            x = g.Relu(g.Convolution(x, weights.Read($"{layer}.0.weight", Hidden, from, 4, 4), weights.Read($"{layer}.0.bias", Hidden), stride: 2, padding: 1));
        }
        for (var block = 0; block < Residuals; block++)
            x = Residual(g, x, weights, Layers + block);
        x = Pointwise(g, x, weights, Layers + Residuals, Hidden, CodebookSize);
        g.SaveTokens(x, Grid, Grid);
        return File;
    }

    private string WriteDecoder(BundleWriter bundle, Checkpoint weights)
    {
        const string File = "image_decoder.onnx";
        using var g = bundle.ImageGraph(File);
        var x = g.LookUpTokens(weights.Read("codebook.weight", CodebookSize, CodeDimension), Grid, Grid);

        weights = weights.Subtree("decoder.");
        var (next, channels) = (0, CodeDimension);
        if (Residuals > 0)
        {
            x = Pointwise(g, x, weights, next++, CodeDimension, Hidden);
            channels = Hidden;
        }
        for (var block = 0; block < Residuals; block++)
            x = Residual(g, x, weights, next++);
        for (var layer = 0; layer < Layers; layer++, next++, channels = Hidden)
        {
            using var scope = g.Scope($"layer_{layer}");
            x = g.Relu(Double(g, x, weights.Read($"{next}.0.weight", channels, Hidden, 4, 4), weights.Read($"{next}.0.bias", Hidden)));
        }
        x = Pointwise(g, x, weights, next, Hidden, Colors);
        x = g.Node("Add", [g.Node("Mul", [x, ByColor(g, "deviation", Deviation)]), ByColor(g, "mean", Mean)]);
        g.SavePixels(x, ImageSize, ImageSize);
        return File;
    }

    /// <summary>x + three convolutions of it.</summary>
    private string Residual(GraphBuilder g, string x, Checkpoint weights, int number)
    {
        using var scope = g.Scope($"residual_{number}");
        string Convolution(string y, int part, int kernel) => g.Convolution(y,
            weights.Read($"{number}.net.{part}.weight", Hidden, Hidden, kernel, kernel), weights.Read($"{number}.net.{part}.bias", Hidden), padding: kernel / 2);
        return g.Node("Add", [x, Convolution(g.Relu(Convolution(g.Relu(Convolution(x, 0, 3)), 2, 3)), 4, 1)]);
    }

    private static string Pointwise(GraphBuilder g, string x, Checkpoint weights, int number, int from, int to)
    {
        using var scope = g.Scope($"pointwise_{number}");
        return g.Convolution(x, weights.Read($"{number}.weight", to, from, 1, 1), weights.Read($"{number}.bias", to));
    }

    /// <summary>A transposed convolution to twice the size.</summary>
    private static string Double(GraphBuilder g, string x, Tensor weight, Tensor bias) =>
        g.Node("ConvTranspose", [x, g.Weight("weight", weight), g.Weight("bias", bias)],
            ("kernel_shape", new long[] { 4, 4 }), ("strides", new long[] { 2, 2 }), ("pads", new long[] { 1, 1, 1, 1 }));

    private static string ByColor(GraphBuilder g, string name, float[] values) => g.Weight(name, new Tensor(values, isFloat16: false, Colors, 1, 1));
}
