using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Architectures;

/// <summary>The layers of the UNet of DALLE2-pytorch in a graph.</summary>
/// <param name="G">The graph.</param>
/// <param name="Unet">The network.</param>
/// <param name="Batch">The number of rows.</param>
/// <param name="Time">What tells blocks the timestep [batch, 4 · dim], with a swish already.</param>
/// <param name="Context">What blocks attend to, [batch, tokens, channels].</param>
internal sealed record Dalle2UnetLayers(GraphBuilder G, Dalle2Unet Unet, string Batch, string Time, string Context)
{
    private const int CrossHeads = 8;
    private const int CrossHeadSize = 64;
    private const float CosineScale = 16;
    private const float Epsilon = 1e-5f;

    private Dalle2Generation Generation => Unet.Generation;

    /// <summary>
    /// Two convolutions, the first of which the timestep modulates; between them attention to the context, in blocks that have it.
    /// </summary>
    public string ResnetBlock(string x, Checkpoint weights, string name, int from, int to, int groups, int side, bool attends)
    {
        using var scope = G.Scope(name);
        weights = weights.Subtree(name + ".");
        var time = G.Linear(Time, weights, "time_mlp.1", 4 * Unet.Dim, 2 * to);
        var modulation = G.Node("Split", [G.Node("Reshape", [time, G.Constant("planes", 0, 2 * to, 1, 1)])], [G.Unique("factor"), G.Unique("shift")], ("axis", 1), ("num_outputs", 2));
        var shift = G.Graph.Node[^1].Output[1];
        var h = Norm(Project(x, weights, "block1", from, to), weights, "block1", to, groups);
        h = G.Node("Mul", [h, G.Node("Add", [modulation, G.Scalar("one", 1f)])]);
        h = G.Swish(G.Node("Add", [h, shift]));
        if (attends)
        {
            var places = ToPlaces(h, to);
            h = FromPlaces(G.Node("Add", [CrossAttention(places, weights.Subtree(Generation.CrossAttention), to, side), places]), to, side);
        }
        h = Block(h, weights, "block2", to, to, groups);
        return G.Node("Add", [h, from == to ? x : Convolution(x, weights, "res_conv", from, to, 1)]);
    }

    /// <summary>A convolution, a norm and a swish.</summary>
    public string Block(string x, Checkpoint weights, string name, int from, int to, int groups, bool standardizes = true) =>
        G.Swish(Norm(Project(x, weights, name, from, to, standardizes), weights, name, to, groups));

    /// <summary>Attention of the places of an image to each other, if the level has any.</summary>
    public string SelfAttention(string x, Checkpoint weights, string name, int channels, int side, UnetAttention kind)
    {
        if (kind == UnetAttention.None)
            return x;
        using var scope = G.Scope(name);
        var places = ToPlaces(x, channels);
        if (kind == UnetAttention.Linear)
            return FromPlaces(G.Node("Add", [LinearAttention(places, weights.Subtree(name + ".fn."), channels, side * side), places]), channels, side);
        var attention = new Dalle2Attention(Generation, channels, Unet.Heads, Unet.HeadSize, Unet.IsCosineSelf);
        return FromPlaces(attention.Residual(G, places, weights.Subtree(name + ".fn.fn."), side * side, Batch), channels, side);
    }

    /// <summary>Half the size.</summary>
    public string Down(string x, Checkpoint weights, string name, int from, int to)
    {
        if (Unet.DownKernels is { } kernels)
            return CrossEmbed(x, weights, name, from, to, kernels, stride: 2);
        using var scope = G.Scope(name);
        if (!Generation.UnshufflesDown)
            return Convolution(x, weights, name, from, to, 4, stride: 2, padding: 1);
        // A product over the channels of blocks of 2 × 2 pixels is a convolution of these blocks.
        var weight = weights.Read(name + ".1.weight", to, 4 * from, 1, 1).UnfoldPixelUnshuffle(2);
        return G.Convolution(x, weight, weights.Read(name + ".1.bias", to), stride: 2);
    }

    /// <summary>Twice the size.</summary>
    public string Up(string x, Checkpoint weights, string name, int from, int to)
    {
        using var scope = G.Scope(name);
        if (Unet.UpsamplesNearest)
            return Convolution(G.Enlarge(x, 2), weights, name + ".1", from, to, 3);
        if (!Generation.TransposesUp)
            return G.PixelShuffle(G.Swish(Convolution(x, weights, name + ".net.0", from, 4 * to, 1)), 2);
        return G.Node("ConvTranspose",
            [x, G.Weight("weight", weights.Read(name + ".weight", from, to, 4, 4)), G.Weight("bias", weights.Read(name + ".bias", to))],
            ("kernel_shape", new long[] { 4, 4 }), ("strides", new long[] { 2, 2 }), ("pads", new long[] { 1, 1, 1, 1 }));
    }

    /// <summary>
    /// Convolutions of several sizes side by side: half of the channels have the smallest, a quarter the next, and the largest the rest.
    /// </summary>
    public string CrossEmbed(string x, Checkpoint weights, string name, int from, int to, IReadOnlyList<int> kernels, int stride)
    {
        using var scope = G.Scope(name);
        var parts = new string[kernels.Count];
        for (int i = 0, rest = to; i < kernels.Count; i++)
        {
            var channels = i == kernels.Count - 1 ? rest : to >> (i + 1);
            parts[i] = Convolution(x, weights, $"{name}.convs.{i}", from, channels, kernels[i], stride, (kernels[i] - stride) / 2);
            rest -= channels;
        }
        return parts.Length == 1 ? parts[0] : G.Node("Concat", parts, ("axis", 1));
    }

    /// <summary>A convolution of a checkpoint, which keeps the size unless a padding is given.</summary>
    public string Convolution(string x, Checkpoint weights, string name, int from, int to, int kernel, int stride = 1, int? padding = null) =>
        G.Convolution(x, weights.Read(name + ".weight", to, from, kernel, kernel), weights.Read(name + ".bias", to), stride, padding ?? kernel / 2);

    /// <summary>Planes [batch, channels, side, side] enlarged as by ResizeRight.</summary>
    public string Enlarge(string x, int from, int to)
    {
        if (from == to)
            return x;
        var matrix = ResizeRight.Enlarge(from, to);
        return G.Node("MatMul", [G.Node("MatMul", [G.Weight("rows", matrix), x]), G.Weight("columns", matrix.Transpose(1, 0))]);
    }

    private string Project(string x, Checkpoint weights, string name, int from, int to, bool standardizes = true)
    {
        var weight = weights.Read($"{name}.project.weight", to, from, 3, 3);
        if (Unet.StandardizesWeights && standardizes)
            weight = Standardize(weight);
        return G.Convolution(x, weight, weights.Read($"{name}.project.bias", to), padding: 1);
    }

    private string Norm(string x, Checkpoint weights, string name, int channels, int groups) =>
        G.GroupNorm(x, weights.Read($"{name}.norm.weight", channels), weights.Read($"{name}.norm.bias", channels), groups, Epsilon);

    /// <summary>Each output's weights with mean 0 and variance 1 (Qiao et al. 2019).</summary>
    private static Tensor Standardize(Tensor weight)
    {
        var size = weight.Values.Length / weight.Shape[0];
        var values = new float[weight.Values.Length];
        for (var start = 0; start < values.Length; start += size)
        {
            var row = weight.Values.AsSpan(start, size).ToArray();
            var mean = row.Average(value => (double)value);
            var factor = 1 / Math.Sqrt(row.Average(value => (value - mean) * (value - mean)) + Epsilon);
            for (var i = 0; i < size; i++)
                values[start + i] = (float)((row[i] - mean) * factor);
        }
        return new Tensor(values, isFloat16: false, weight.Shape);
    }

    private string CrossAttention(string x, Checkpoint weights, int channels, int side)
    {
        const int Width = CrossHeads * CrossHeadSize;
        using var scope = G.Scope("cross_attention");
        var q = G.Linear(G.ScaleNorm(x, weights, $"norm.{Generation.Norm}", channels), weights.Read("to_q.weight", Width, channels));
        var parts = G.Split(G.Linear(Context, weights.Read("to_kv.weight", 2 * Width, Unet.CondDim)), "key", "value");
        var learned = weights.Read("null_kv", 2, CrossHeadSize);
        string WithLearned(string part, int row)
        {
            float[] all = [.. Enumerable.Repeat(learned.Rows(row..(row + 1)).Values, CrossHeads).SelectMany(values => values)];
            return G.Node("Concat", [G.Rows(new Tensor(all, learned.IsFloat16, 1, Width), Batch), part], ("axis", 1));
        }
        var (k, v) = (WithLearned(parts[0], 0), WithLearned(parts[1], 1));
        if (Unet.IsCosineCross)
        {
            string Direction(string heads, int count) => G.Node("Reshape", [
                G.UnitLength(G.Node("Reshape", [heads, G.Constant("heads", 0, -1, CrossHeads, CrossHeadSize)])), G.Constant("width", 0, count, Width)]);
            (q, k) = (Direction(q, side * side), Direction(k, -1));
        }
        var found = G.Contrib("MultiHeadAttention", [q, k, v], attributes: [("num_heads", CrossHeads), ("scale", Unet.IsCosineCross ? CosineScale : 1 / MathF.Sqrt(CrossHeadSize))]);
        return G.ScaleNorm(G.Linear(found, weights.Read("to_out.0.weight", channels, Width)), weights, $"to_out.1.{Generation.Norm}", channels);
    }

    /// <summary>
    /// Attention whose cost grows with the number of places only: keys and values make one matrix a head, which queries read.
    /// </summary>
    private string LinearAttention(string x, Checkpoint weights, int channels, int places)
    {
        var (heads, size) = (Unet.Heads, Unet.HeadSize);
        var width = heads * size;
        Tensor Product(string name, int to, int from) => weights.Read(name, to, from, 1, 1).Reshape(to, from);
        string ChannelNorm(string value, string name) =>
            G.Node("LayerNormalization", [value, G.Weight("weight", weights.Read(name, 1, channels, 1, 1).Reshape(channels))], ("epsilon", Epsilon));
        var parts = G.Split(G.Linear(ChannelNorm(x, "norm.g"), Product("to_qkv.weight", 3 * width, channels)), "query", "key", "value");
        string Heads(string part, params long[] order) =>
            G.Node("Transpose", [G.Node("Reshape", [part, G.Constant("heads", 0, places, heads, size)])], ("perm", order));
        var q = G.Node("Softmax", [Heads(parts[0], 0, 2, 1, 3)], ("axis", -1));
        var k = G.Node("Softmax", [Heads(parts[1], 0, 2, 3, 1)], ("axis", -1));
        var v = Heads(parts[2], 0, 2, 1, 3);
        var scale = 1 / MathF.Sqrt(size);
        if (Generation.NormalizesLinearValues)
            (v, scale) = (G.UnitLength(v), scale / places);
        var found = G.Node("MatMul", [q, G.Node("Mul", [G.Node("MatMul", [k, v]), G.Scalar("scale", scale)])]);
        found = G.Node("Reshape", [G.Node("Transpose", [found], ("perm", new long[] { 0, 2, 1, 3 })), G.Constant("width", 0, places, width)]);
        return ChannelNorm(G.Linear(G.Node("Gelu", [found]), Product("to_out.0.weight", channels, width)), "to_out.1.g");
    }

    private string ToPlaces(string x, int channels) =>
        G.Node("Transpose", [G.Node("Reshape", [x, G.Constant("places", 0, channels, -1)])], ("perm", new long[] { 0, 2, 1 }));

    private string FromPlaces(string x, int channels, int side) =>
        G.Node("Reshape", [G.Node("Transpose", [x], ("perm", new long[] { 0, 2, 1 })), G.Constant("planes", 0, channels, side, side)]);
}

/// <summary>How the places of a level attend to each other.</summary>
internal enum UnetAttention
{
    None,

    /// <summary>By one matrix a head.</summary>
    Linear,

    /// <summary>Each to all.</summary>
    Full,
}
