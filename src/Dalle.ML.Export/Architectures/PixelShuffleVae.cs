using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Export.Architectures.ImageLayers;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// The discrete VAE of our own models (<c>onnx/training</c>): strided convolutions in, pixel shuffles out, residual blocks between them.
/// </summary>
internal sealed record PixelShuffleVae
{
    public required int ImageSize { get; init; }

    /// <summary>Side of the square of image tokens.</summary>
    public required int Grid { get; init; }

    public required int CodebookSize { get; init; }

    /// <summary>Channels of a codebook entry.</summary>
    public required int CodeDim { get; init; }

    /// <summary>Channels of the encoder at the size of the grid.</summary>
    public required int EncoderWidth { get; init; }

    /// <summary>Channels of the decoder at the size of the grid.</summary>
    public required int DecoderWidth { get; init; }

    /// <summary>Number of residual blocks of the encoder.</summary>
    public required int EncoderBlocks { get; init; }

    /// <summary>Whether the decoder gives the means of DALL·E's logit-Laplace likelihood (Ramesh et al. 2021, appendix A.3).</summary>
    public bool IsLogitLaplace { get; init; }

    /// <summary>Channels of the encoder and of the decoder at the size of the grid, and number of residual blocks of the encoder, by the weights.</summary>
    public static (int EncoderWidth, int DecoderWidth, int EncoderBlocks) Infer(Checkpoint weights) => (
        weights.Shape("encoder.down.bias", rank: 1)[0],
        weights.Shape("decoder.net.0.bias", rank: 1)[0],
        Enumerable.Range(0, weights.Names.Count).TakeWhile(block => weights.Contains($"encoder.res{block}.a.weight")).Count());

    /// <summary>Writes the encoder and the decoder.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing or has another shape.</exception>
    public ImageGraphs Write(BundleWriter bundle, Checkpoint weights) =>
        new(WriteEncoder(bundle, weights.Subtree("encoder.")), WriteDecoder(bundle, weights.Subtree("decoder.")));

    /// <summary>The nearest codebook entry of every patch: the last convolution's outputs are, up to a constant, the negative squared distances.</summary>
    private string WriteEncoder(BundleWriter bundle, Checkpoint weights)
    {
        const string File = "image_encoder.onnx";
        using var g = bundle.ImageGraph(File);
        var x = g.Input("pixels", DataType.Float, "batch", Colors, ImageSize, ImageSize);
        x = g.Node("Sub", [g.Node("Mul", [x, g.Scalar("two", 2f)]), g.Scalar("one", 1f)]);
        using (g.Scope("conv_in"))
        {
            var weight = weights.Read("conv_in.weight", EncoderWidth / 2, Colors, 12, 12);
            x = g.Relu(g.Convolution(x, weight, weights.Read("conv_in.bias", EncoderWidth / 2), stride: 4, padding: 4));
        }
        using (g.Scope("down"))
            x = g.Convolution(x, weights.Read("down.weight", EncoderWidth, EncoderWidth / 2, 4, 4), weights.Read("down.bias", EncoderWidth), stride: 2, padding: 1);
        for (var i = 0; i < EncoderBlocks; i++)
            x = g.PreActivationResidual(x, $"res{i}", weights, EncoderWidth);
        using (g.Scope("conv_out"))
        {
            var weight = weights.Read("conv_out.weight", CodebookSize, EncoderWidth, 1, 1);
            x = g.Convolution(g.Relu(x), weight, weights.Read("conv_out.bias", CodebookSize));
        }
        g.SaveTokens(x, Grid, Grid);
        return File;
    }

    private string WriteDecoder(BundleWriter bundle, Checkpoint weights)
    {
        const string File = "image_decoder.onnx";
        using var g = bundle.ImageGraph(File);
        string Convolution(string x, string name, int from, int to, int kernel)
        {
            using var scope = g.Scope(name);
            return g.Convolution(x, weights.Read(name + ".weight", to, from, kernel, kernel), weights.Read(name + ".bias", to), padding: kernel / 2);
        }

        var x = g.LookUpTokens(weights.Read("codebook.weight", CodebookSize, CodeDim), Grid, Grid);
        x = Convolution(x, "net.0", from: CodeDim, to: DecoderWidth, kernel: 3);
        x = g.PreActivationResidual(x, "net.1", weights, DecoderWidth);
        x = g.PreActivationResidual(x, "net.2", weights, DecoderWidth);
        x = g.PreActivationResidual(x, "net.3", weights, DecoderWidth);
        x = g.PixelShuffle(Convolution(g.Relu(x), "net.5", from: DecoderWidth, to: 2 * DecoderWidth, kernel: 1), 2);
        x = g.PreActivationResidual(x, "net.7", weights, DecoderWidth / 2);
        x = g.PreActivationResidual(x, "net.8", weights, DecoderWidth / 2);
        x = g.PixelShuffle(Convolution(g.Relu(x), "net.10", from: DecoderWidth / 2, to: 3 * 4 * 4, kernel: 3), 4);
        x = g.Node("Add", [x, g.Scalar("half", 0.5f)]);
        if (IsLogitLaplace)
            x = g.Node("Div", [g.Node("Sub", [g.Node("Sigmoid", [x]), g.Scalar("margin", 0.1f)]), g.Scalar("range", 0.8f)]);
        g.SavePixels(x, ImageSize, ImageSize);
        return File;
    }
}
