using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Export.Architectures.ImageLayers;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// Inception v3 (Szegedy et al. 2015) in the wiring of TensorFlow's graph of 2015-12-05, by which FID and Inception Score are defined (mseitzer/pytorch-fid,
/// inception.py): mean pooling does not count the padding, and the last block pools by maximum. Layers have torchvision's names.
/// </summary>
internal sealed class Inception
{
    public const int ImageSize = 299;
    private const int PublishedClasses = 1008;
    private const float Epsilon = 0.001f;

    private readonly Checkpoint _weights;
    private readonly Func<string, int, int> _width;
    private readonly int _classes;

    private Inception(Checkpoint weights, Func<string, int, int> width, int classes) => (_weights, _width, _classes) = (weights, width, classes);

    /// <summary>A network whose layers are as wide as those of a checkpoint.</summary>
    public static Inception Infer(Checkpoint weights) =>
        new(weights, (layer, _) => weights.Shape(layer + ".conv.weight", rank: 4)[0], weights.Shape("fc.weight", rank: 2)[0]);

    /// <summary>A network of random weights, whose layers are narrower than those of the published one by a factor.</summary>
    public static Inception Random(Checkpoint weights, int factor) => new(weights, (_, published) => published / factor, PublishedClasses);

    /// <summary>Writes the graph.</summary>
    /// <param name="bundle">Where to.</param>
    /// <param name="scale">Together with <paramref name="shift"/>, what makes the network's input of pixels in 0..1: scale · x + shift.</param>
    /// <param name="shift">See <paramref name="scale"/>.</param>
    public FeatureGraph Write(BundleWriter bundle, float scale, float shift)
    {
        const string File = "features.onnx";
        using var g = bundle.ImageGraph(File);
        var pixels = g.Input("pixels", DataType.Float, "batch", Colors, ImageSize, ImageSize);
        Planes x = new(g.Node("Add", [g.Node("Mul", [pixels, g.Scalar("scale", scale)]), g.Scalar("shift", shift)]), Colors);

        x = Unit(g, x, "Conv2d_1a_3x3", 32, 3, 3, stride: 2, padding: (0, 0));
        x = Unit(g, x, "Conv2d_2a_3x3", 32, 3, 3, padding: (0, 0));
        x = Unit(g, x, "Conv2d_2b_3x3", 64, 3, 3);
        x = Pool(g, x, "MaxPool", stride: 2, name: "block0");
        x = Unit(g, x, "Conv2d_3b_1x1", 80, 1, 1);
        x = Unit(g, x, "Conv2d_4a_3x3", 192, 3, 3, padding: (0, 0));
        x = Pool(g, x, "MaxPool", stride: 2, name: "block1");
        foreach (var (block, pooled) in new[] { ("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64) })
            x = BlockA(g, x, block, pooled);
        x = BlockB(g, x, "Mixed_6a");
        foreach (var (block, inner) in new[] { ("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192) })
            x = BlockC(g, x, block, inner);
        x = BlockD(g, x, "Mixed_7a");
        x = BlockE(g, x, "Mixed_7b", "AveragePool");
        x = BlockE(g, x, "Mixed_7c", "MaxPool");

        g.Node("Flatten", [g.Node("GlobalAveragePool", [x.Value])], ["features"]);
        using (g.Scope("fc"))
        {
            // The Inception Score is of the logits without their bias.
            var weight = _weights.Read("fc.weight", _classes, x.Channels);
            g.Node("MatMul", ["features", g.Weight("weight", weight.Transpose(1, 0))], ["logits"]);
        }
        g.Output("features", DataType.Float, "batch", x.Channels);
        g.Output("logits", DataType.Float, "batch", _classes);
        g.Save();
        return new FeatureGraph { File = File, ImageSize = ImageSize, Dimension = x.Channels, Classes = _classes };
    }

    private Planes BlockA(GraphBuilder g, Planes x, string block, int pooled) => Concat(
        g, block,
        Unit(g, x, block + ".branch1x1", 64, 1, 1),
        Unit(g, Unit(g, x, block + ".branch5x5_1", 48, 1, 1), block + ".branch5x5_2", 64, 5, 5),
        Unit(g, Unit(g, Unit(g, x, block + ".branch3x3dbl_1", 64, 1, 1), block + ".branch3x3dbl_2", 96, 3, 3), block + ".branch3x3dbl_3", 96, 3, 3),
        Unit(g, Pool(g, x, "AveragePool"), block + ".branch_pool", pooled, 1, 1));

    private Planes BlockB(GraphBuilder g, Planes x, string block)
    {
        var twice = Unit(g, Unit(g, x, block + ".branch3x3dbl_1", 64, 1, 1), block + ".branch3x3dbl_2", 96, 3, 3);
        return Concat(
            g, block,
            Unit(g, x, block + ".branch3x3", 384, 3, 3, stride: 2, padding: (0, 0)),
            Unit(g, twice, block + ".branch3x3dbl_3", 96, 3, 3, stride: 2, padding: (0, 0)),
            Pool(g, x, "MaxPool", stride: 2));
    }

    private Planes BlockC(GraphBuilder g, Planes x, string block, int inner)
    {
        var once = Unit(g, Unit(g, x, block + ".branch7x7_1", inner, 1, 1), block + ".branch7x7_2", inner, 1, 7);
        var twice = Unit(g, Unit(g, x, block + ".branch7x7dbl_1", inner, 1, 1), block + ".branch7x7dbl_2", inner, 7, 1);
        twice = Unit(g, Unit(g, twice, block + ".branch7x7dbl_3", inner, 1, 7), block + ".branch7x7dbl_4", inner, 7, 1);
        return Concat(
            g, block,
            Unit(g, x, block + ".branch1x1", 192, 1, 1),
            Unit(g, once, block + ".branch7x7_3", 192, 7, 1),
            Unit(g, twice, block + ".branch7x7dbl_5", 192, 1, 7),
            Unit(g, Pool(g, x, "AveragePool"), block + ".branch_pool", 192, 1, 1));
    }

    private Planes BlockD(GraphBuilder g, Planes x, string block)
    {
        var long7 = Unit(g, Unit(g, x, block + ".branch7x7x3_1", 192, 1, 1), block + ".branch7x7x3_2", 192, 1, 7);
        return Concat(
            g, block,
            Unit(g, Unit(g, x, block + ".branch3x3_1", 192, 1, 1), block + ".branch3x3_2", 320, 3, 3, stride: 2, padding: (0, 0)),
            Unit(g, Unit(g, long7, block + ".branch7x7x3_3", 192, 7, 1), block + ".branch7x7x3_4", 192, 3, 3, stride: 2, padding: (0, 0)),
            Pool(g, x, "MaxPool", stride: 2));
    }

    private Planes BlockE(GraphBuilder g, Planes x, string block, string pooling)
    {
        var once = Unit(g, x, block + ".branch3x3_1", 384, 1, 1);
        var twice = Unit(g, Unit(g, x, block + ".branch3x3dbl_1", 448, 1, 1), block + ".branch3x3dbl_2", 384, 3, 3);
        return Concat(
            g, block,
            Unit(g, x, block + ".branch1x1", 320, 1, 1),
            Unit(g, once, block + ".branch3x3_2a", 384, 1, 3),
            Unit(g, once, block + ".branch3x3_2b", 384, 3, 1),
            Unit(g, twice, block + ".branch3x3dbl_3a", 384, 1, 3),
            Unit(g, twice, block + ".branch3x3dbl_3b", 384, 3, 1),
            Unit(g, Pool(g, x, pooling), block + ".branch_pool", 192, 1, 1));
    }

    /// <summary>A convolution without bias, its normalisation, which ONNX Runtime makes one with it, and a ReLU.</summary>
    /// <param name="g">The graph.</param>
    /// <param name="x">Planes.</param>
    /// <param name="layer">Name of the layer.</param>
    /// <param name="published">Channels that it has in the published network.</param>
    /// <param name="height">Height of the kernel.</param>
    /// <param name="width">Width of the kernel.</param>
    /// <param name="stride">On both axes.</param>
    /// <param name="padding">Above and below, and on the left and right; by default what keeps the size.</param>
    private Planes Unit(GraphBuilder g, Planes x, string layer, int published, int height, int width, int stride = 1, (int Height, int Width)? padding = null)
    {
        using var scope = g.Scope(layer);
        var channels = _width(layer, published);
        var (vertical, horizontal) = padding ?? (height / 2, width / 2);
        var convolved = g.Node("Conv", [x.Value, g.Weight("weight", _weights.Read(layer + ".conv.weight", channels, x.Channels, height, width))],
            ("kernel_shape", new long[] { height, width }), ("strides", new long[] { stride, stride }), ("pads", new long[] { vertical, horizontal, vertical, horizontal }));
        string[] statistics = ["weight", "bias", "running_mean", "running_var"];
        var normed = g.Node("BatchNormalization",
            [convolved, .. statistics.Select(part => g.Weight("norm_" + part, _weights.Read($"{layer}.bn.{part}", channels)))], ("epsilon", Epsilon));
        return new(g.Relu(normed), channels);
    }

    /// <summary>Pools squares of three pixels; with a stride of one the size stays. A mean does not count what lies outside.</summary>
    private static Planes Pool(GraphBuilder g, Planes x, string pooling, int stride = 1, string name = "pool")
    {
        using var scope = g.Scope(name);
        var pad = stride == 1 ? 1 : 0;
        return x with
        {
            Value = g.Node(pooling, [x.Value],
                ("kernel_shape", new long[] { 3, 3 }), ("strides", new long[] { stride, stride }), ("pads", new long[] { pad, pad, pad, pad })),
        };
    }

    private static Planes Concat(GraphBuilder g, string block, params Planes[] parts)
    {
        using var scope = g.Scope(block);
        return new(g.Node("Concat", [.. parts.Select(part => part.Value)], ("axis", 1)), parts.Sum(part => part.Channels));
    }

    /// <summary>A value [batch, channels, height, width].</summary>
    private readonly record struct Planes(string Value, int Channels);
}
