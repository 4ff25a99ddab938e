using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Export.Architectures.ImageLayers;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// ESRGAN's network of residual-in-residual dense blocks (Wang et al. 2018; xinntao/Real-ESRGAN, RRDBNet). It enlarges four or eight times; for less it
/// sees blocks of pixels as channels.
/// </summary>
internal sealed record Rrdb
{
    private const float Slope = 0.2f;
    private const float ResidualScale = 0.2f;
    private const int DenseBlocks = 3;
    private const int DenseLayers = 5;

    public int Features { get; init; } = 64;

    public int Blocks { get; init; } = 23;

    /// <summary>Channels that each layer of a dense block adds.</summary>
    public int Growth { get; init; } = 32;

    /// <summary>Side of the blocks of pixels that are channels of the input.</summary>
    public int Unshuffle { get; init; } = 1;

    /// <summary>How often the size is doubled.</summary>
    public int Doublings { get; init; } = 2;

    public int Factor => (1 << Doublings) / Unshuffle;

    public static Rrdb Infer(Checkpoint weights)
    {
        var first = weights.Shape("conv_first.weight", rank: 4);
        return new()
        {
            Features = first[0],
            Blocks = weights.Count("body.", ".rdb1.conv1.weight"),
            Growth = weights.Shape("body.0.rdb1.conv1.weight", rank: 4)[0],
            Unshuffle = first[1] switch
            {
                Colors => 1,
                4 * Colors => 2,
                16 * Colors => 4,
                _ => throw new InvalidDataException($"The upscaler's first convolution takes {first[1]} channels; 3, 12 and 48 are known."),
            },
            Doublings = weights.Contains("conv_up3.weight") ? 3 : 2,
        };
    }

    /// <summary>Writes the graph and returns its name.</summary>
    public string Write(BundleWriter bundle, Checkpoint weights, Precision precision)
    {
        const string File = "upscaler.onnx";
        using var g = bundle.Graph(File, precision);
        string Convolution(string x, Checkpoint part, string name, int from, int to)
        {
            using var scope = g.Scope(name);
            return g.Convolution(x, part.Read(name + ".weight", to, from, 3, 3), part.Read(name + ".bias", to), padding: 1);
        }
        string Activate(string x) => g.Node("LeakyRelu", [x], ("alpha", Slope));
        string AddScaled(string x, string residual) => g.Node("Add", [g.Node("Mul", [residual, g.Scalar("scale", ResidualScale)]), x]);

        var pixels = g.Cast(g.Input("pixels", DataType.Float, "batch", Colors, "height", "width"), DataType.Float, g.Type);
        string stem;
        using (g.Scope("conv_first"))
        {
            var weight = weights.Read("conv_first.weight", Features, Colors * Unshuffle * Unshuffle, 3, 3).UnfoldPixelUnshuffle(Unshuffle);
            stem = g.Convolution(pixels, weight, weights.Read("conv_first.bias", Features), stride: Unshuffle, padding: Unshuffle);
        }
        var x = stem;
        for (var block = 0; block < Blocks; block++)
        {
            using var scope = g.Scope($"body.{block}");
            var inner = x;
            for (var dense = 1; dense <= DenseBlocks; dense++)
            {
                using var denseScope = g.Scope($"rdb{dense}");
                inner = AddScaled(inner, DenseBlock(inner, weights.Subtree($"body.{block}.rdb{dense}.")));
            }
            x = AddScaled(x, inner);
        }
        x = g.Node("Add", [stem, Convolution(x, weights, "conv_body", Features, Features)]);
        for (var i = 1; i <= Doublings; i++)
            x = Activate(Convolution(g.Enlarge(x, 2), weights, $"conv_up{i}", Features, Features));
        x = Convolution(Activate(Convolution(x, weights, "conv_hr", Features, Features)), weights, "conv_last", Features, Colors);
        g.SaveUpscaled(x);
        return File;

        // Each layer sees the input and the results of all layers before it.
        string DenseBlock(string x, Checkpoint part)
        {
            List<string> seen = [x];
            for (var layer = 1; ; layer++)
            {
                var all = seen.Count == 1 ? x : g.Node("Concat", [.. seen], ("axis", 1));
                var to = layer < DenseLayers ? Growth : Features;
                var result = Convolution(all, part, $"conv{layer}", Features + (layer - 1) * Growth, to);
                if (layer == DenseLayers)
                    return result;
                seen.Add(Activate(result));
            }
        }
    }
}
