using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Export.Architectures.ImageLayers;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// The network of onnx/training/classifier.py, which tells the things of the built-in world apart. Its features are the means of its last planes.
/// </summary>
/// <param name="Width">Channels of the first convolution.</param>
/// <param name="Classes">Number of things.</param>
/// <param name="Grid">Side of the last planes.</param>
internal sealed record CropClassifier(int Width, int Classes, int Grid)
{
    /// <summary>Pixels on a side of what one pixel stands for at the end.</summary>
    private const int Reduction = 8;

    private int ImageSize => Reduction * Grid;

    public static CropClassifier Infer(Checkpoint weights)
    {
        var (width, last) = (weights.Shape("net.0.weight", rank: 4)[0], weights.Shape("net.10.weight", rank: 2));
        var grid = (int)Math.Round(Math.Sqrt(last[1] / (4.0 * width)));
        return grid > 0 && 4L * width * grid * grid == last[1]
            ? new(width, last[0], grid)
            : throw new InvalidDataException($"The classifier's last layer takes {last[1]} values; a square of planes of {4 * width} channels is expected.");
    }

    /// <summary>Writes the graph.</summary>
    public FeatureGraph Write(BundleWriter bundle, Checkpoint weights)
    {
        const string File = "features.onnx";
        using var g = bundle.ImageGraph(File);
        var pixels = g.Input("pixels", DataType.Float, "batch", Colors, ImageSize, ImageSize);
        var x = g.Node("Sub", [g.Node("Mul", [pixels, g.Scalar("two", 2f)]), g.Scalar("one", 1f)]);
        x = g.Relu(Convolution(x, 0, Colors, Width, kernel: 5));
        x = Convolution(x, 2, Width, 2 * Width, kernel: 3);
        x = g.Relu(g.PreActivationResidual(x, "net.3", weights, 2 * Width));
        x = Convolution(x, 5, 2 * Width, 4 * Width, kernel: 3);
        x = g.Relu(g.PreActivationResidual(x, "net.6", weights, 4 * Width));
        g.Node("Flatten", [g.Node("GlobalAveragePool", [x])], ["features"]);
        using (g.Scope("net.10"))
        {
            var weight = weights.Read("net.10.weight", Classes, 4 * Width * Grid * Grid);
            var product = g.Node("MatMul", [g.Node("Flatten", [x]), g.Weight("weight", weight.Transpose(1, 0))]);
            g.Node("Add", [product, g.Weight("bias", weights.Read("net.10.bias", Classes))], ["logits"]);
        }
        g.Output("features", DataType.Float, "batch", 4 * Width);
        g.Output("logits", DataType.Float, "batch", Classes);
        g.Save();
        return new FeatureGraph { File = File, ImageSize = ImageSize, Resize = FeatureResize.AntialiasedBicubic, Dimension = 4 * Width, Classes = Classes };

        string Convolution(string x, int layer, int from, int to, int kernel)
        {
            using var scope = g.Scope($"net.{layer}");
            return g.Convolution(
                x, weights.Read($"net.{layer}.weight", to, from, kernel, kernel), weights.Read($"net.{layer}.bias", to), stride: 2, padding: kernel / 2);
        }
    }
}
