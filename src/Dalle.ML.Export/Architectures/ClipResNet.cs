using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Export.Architectures.ClipTransformer;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// CLIP's ResNet (openai/CLIP, clip/model.py, ModifiedResNet): three convolutions first, means in place of strides, and attention from the
/// mean pixel in place of a last pooling.
/// </summary>
internal static class ClipResNet
{
    /// <summary>Factor from a bottleneck's inner channels to its outer ones.</summary>
    public const int Expansion = 4;

    /// <summary>Pixels on a side of what one pixel stands for at the end.</summary>
    public const int Reduction = 32;

    private const float Epsilon = 1e-5f;

    /// <summary>From pixels to an embedding that is not yet normalised.</summary>
    /// <param name="g">The graph.</param>
    /// <param name="x">Normalised pixels.</param>
    /// <param name="weights">The tensors that begin with <c>visual.</c></param>
    /// <param name="width">Channels after the first convolutions.</param>
    /// <param name="layers">Number of bottlenecks of each of the four layers.</param>
    /// <param name="grid">Side of the square of pixels at the end.</param>
    /// <param name="embedding">Number of values of the embedding.</param>
    public static string ResNet(this GraphBuilder g, string x, Checkpoint weights, int width, int[] layers, int grid, int embedding)
    {
        using (g.Scope("stem"))
        {
            x = g.Relu(Convolution(g, x, weights, 1, 3, width / 2, kernel: 3, stride: 2));
            x = g.Relu(Convolution(g, x, weights, 2, width / 2, width / 2, kernel: 3));
            x = Mean(g, g.Relu(Convolution(g, x, weights, 3, width / 2, width, kernel: 3)));
        }
        var channels = width;
        for (var layer = 0; layer < layers.Length; layer++)
        {
            for (var block = 0; block < layers[layer]; block++)
            {
                x = Bottleneck(g, x, weights, $"layer{layer + 1}.{block}", channels, width << layer, halves: layer > 0 && block == 0);
                channels = (width << layer) * Expansion;
            }
        }
        return Attention(g, x, weights.Subtree("attnpool."), channels, grid, embedding);
    }

    private static string Bottleneck(GraphBuilder g, string x, Checkpoint weights, string name, int from, int inner, bool halves)
    {
        using var scope = g.Scope(name);
        weights = weights.Subtree(name + ".");
        var to = inner * Expansion;
        var path = g.Relu(Convolution(g, x, weights, 1, from, inner, kernel: 1));
        path = g.Relu(Convolution(g, path, weights, 2, inner, inner, kernel: 3));
        path = Convolution(g, halves ? Mean(g, path) : path, weights, 3, inner, to, kernel: 1);
        if (halves || from != to)
        {
            using var inside = g.Scope("downsample");
            x = Convolution(g, halves ? Mean(g, x) : x, weights, "downsample.0", "downsample.1", from, to, kernel: 1);
        }
        return g.Relu(g.Node("Add", [x, path]));
    }

    /// <summary>Attention from the mean of all pixels to it and all of them.</summary>
    private static string Attention(GraphBuilder g, string x, Checkpoint weights, int channels, int grid, int embedding)
    {
        using var scope = g.Scope("attention");
        var columns = g.Node("Reshape", [x, g.Constant("columns", 0, channels, grid * grid)]);
        var pixels = g.Node("Transpose", [columns], ("perm", new long[] { 0, 2, 1 }));
        var mean = g.Node("ReduceMean", [pixels, g.Constant("axis", 1)]);
        var positions = g.Weight("position", weights.Read("positional_embedding", grid * grid + 1, channels));
        var all = g.Node("Add", [g.Node("Concat", [mean, pixels], ("axis", 1)), positions]);
        var first = g.Node("Gather", [all, g.Constant("first", 0)], ("axis", 1));
        string Project(string name, string value, int to)
        {
            using var inside = g.Scope(name);
            return g.Linear(value, Rounded(weights.Read(name + ".weight", to, channels)), Rounded(weights.Read(name + ".bias", to)));
        }
        string[] parts = [Project("q_proj", first, channels), Project("k_proj", all, channels), Project("v_proj", all, channels)];
        var attended = g.Contrib("MultiHeadAttention", parts, attributes: ("num_heads", channels / HeadSize));
        return g.Node("Squeeze", [Project("c_proj", attended, embedding), g.Constant("axis", 1)]);
    }

    private static string Mean(GraphBuilder g, string x) =>
        g.Node("AveragePool", [x], ("kernel_shape", new long[] { 2, 2 }), ("strides", new long[] { 2, 2 }));

    private static string Convolution(GraphBuilder g, string x, Checkpoint weights, int number, int from, int to, int kernel, int stride = 1)
    {
        using var scope = g.Scope($"conv_{number}");
        return Convolution(g, x, weights, $"conv{number}", $"bn{number}", from, to, kernel, stride);
    }

    /// <summary>A convolution and the normalisation by the statistics of the training; ONNX Runtime makes them one.</summary>
    private static string Convolution(GraphBuilder g, string x, Checkpoint weights, string name, string norm, int from, int to, int kernel, int stride = 1)
    {
        var convolved = g.Convolution(x, Rounded(weights.Read(name + ".weight", to, from, kernel, kernel)), bias: null, stride, padding: kernel / 2);
        string[] statistics = ["weight", "bias", "running_mean", "running_var"];
        return g.Node("BatchNormalization",
            [convolved, .. statistics.Select(part => g.Weight("norm_" + part, weights.Read($"{norm}.{part}", to)))],
            ("epsilon", Epsilon));
    }
}
