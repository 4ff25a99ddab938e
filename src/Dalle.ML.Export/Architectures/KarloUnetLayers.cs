using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>The layers of Karlo's UNets in a graph.</summary>
/// <param name="G">The graph.</param>
/// <param name="Weights">The tensors of the network.</param>
/// <param name="Time">What tells blocks the timestep [batch, time dim], with a swish already.</param>
/// <param name="TimeDim">Channels of that.</param>
/// <param name="Scales">Whether it gives factors too.</param>
/// <param name="HeadSize">Number of values of an attention head.</param>
internal sealed record KarloUnetLayers(GraphBuilder G, Checkpoint Weights, string Time, int TimeDim, bool Scales, int HeadSize)
{
    /// <summary>Groups of the norms.</summary>
    public const int Groups = 32;

    private const float Epsilon = 1e-5f;

    private readonly Dictionary<int, string> _masks = [];
    private int _attentions;

    /// <summary>What attention sees besides the image; null where there is no attention.</summary>
    public KarloContext? Context { get; init; }

    /// <summary>A residual block, and attention behind it where there is any.</summary>
    public string Block(string x, string name, int from, int to, bool attends, int side)
    {
        x = ResidualBlock(x, name + ".0", from, to);
        return attends ? Attention(x, name + ".1", to, side) : x;
    }

    /// <summary>Two convolutions, the second of which the timestep modulates.</summary>
    public string ResidualBlock(string x, string name, int from, int to, Resampling resampling = Resampling.None)
    {
        using var scope = G.Scope(name);
        var h = Resample(NormSwish(x, name + ".in_layers.0", from), resampling);
        h = Convolution(h, name + ".in_layers.2", from, to);
        h = Modulate(h, name, to);
        h = Convolution(G.Swish(h), name + ".out_layers.3", to, to);
        x = Resample(x, resampling);
        return G.Node("Add", [h, from == to ? x : Convolution(x, name + ".skip_connection", from, to, kernel: 1)]);
    }

    public string NormSwish(string x, string name, int channels) =>
        G.Swish(G.GroupNorm(x, Weights.Read(name + ".weight", channels), Weights.Read(name + ".bias", channels), Groups, Epsilon));

    /// <summary>A convolution of a checkpoint, which keeps the size.</summary>
    public string Convolution(string x, string name, int from, int to, int kernel = 3) =>
        G.Convolution(x, Weights.Read(name + ".weight", to, from, kernel, kernel), Weights.Read(name + ".bias", to), padding: kernel / 2);

    /// <summary>
    /// The second norm with the timestep in it. The norm's weight and bias and the timestep's factor 1 + s and shift b become one factor
    /// and one shift of a channel first, so that the planes are passed over once.
    /// </summary>
    private string Modulate(string h, string name, int channels)
    {
        var time = G.Linear(Time, Weights, name + ".emb_layers.1", TimeDim, Scales ? 2 * channels : channels);
        time = G.Node("Reshape", [time, G.Constant("planes", 0, -1, 1, 1)]);
        var (weight, bias) = (Weights.Read(name + ".out_layers.0.weight", channels), Weights.Read(name + ".out_layers.0.bias", channels));
        if (!Scales)
            return G.GroupNorm(G.Node("Add", [h, time]), weight, bias, Groups, Epsilon);
        string[] parts = [G.Unique("factor"), G.Unique("shift")];
        G.Node("Split", [time], parts, ("axis", 1), ("num_outputs", 2));
        var factor = G.Node("Add", [parts[0], G.Scalar("one", 1f)]);
        var whole = G.Node("Mul", [factor, G.Weight("weight", weight.Reshape(channels, 1, 1))]);
        var shift = G.Node("Add", [G.Node("Mul", [factor, G.Weight("bias", bias.Reshape(channels, 1, 1))]), parts[1]]);
        return G.Node("Add", [G.Node("Mul", [G.NormalizeGroups(h, Groups, Epsilon), whole]), shift]);
    }

    /// <summary>x + attention of the places of an image to the context and to each other.</summary>
    private string Attention(string x, string name, int channels, int side)
    {
        using var scope = G.Scope(name);
        var (heads, number) = (channels / HeadSize, _attentions++);
        var normed = G.GroupNorm(x, Weights.Read(name + ".norm.weight", channels), Weights.Read(name + ".norm.bias", channels), Groups, Epsilon);
        var places = G.Node("Transpose", [G.Node("Reshape", [normed, G.Constant("places", 0, channels, -1)])], ("perm", new long[] { 0, 2, 1 }));
        var weight = Weights.Read(name + ".qkv.weight", 3 * channels, channels, 1).Reshape(3 * channels, channels).SplitHeads(heads, 3);
        var parts = G.Split(G.Linear(places, weight, Weights.Read(name + ".qkv.bias", 3 * channels).SplitHeads(heads, 3)), "query", "key", "value");
        string WithContext(string input, string part) =>
            G.Node("Concat", [G.Input($"{input}_{number}", G.Type, "batch", Context!.Length, channels), part], ("axis", 1));
        var found = G.Contrib(
            "MultiHeadAttention", [parts[0], WithContext("key", parts[1]), WithContext("value", parts[2]), "", Mask(side)], attributes: ("num_heads", heads));
        found = G.Linear(found, Weights.Read(name + ".proj_out.weight", channels, channels, 1).Reshape(channels, channels), Weights.Read(name + ".proj_out.bias", channels));
        var planes = G.Node("Reshape", [G.Node("Transpose", [found], ("perm", new long[] { 0, 2, 1 })), G.Constant("planes", 0, channels, side, side)]);
        return G.Node("Add", [x, planes]);
    }

    /// <summary>Which keys are seen, int32 [batch, keys]: all but those of absent text.</summary>
    private string Mask(int side)
    {
        if (_masks.TryGetValue(side, out var known))
            return known;
        var text = G.Cast(Context!.Mask, DataType.Bool, DataType.Int32);
        return _masks[side] = G.Node("Pad", [text, G.Constant("pads", 0, Context.Tokens, 0, side * side), G.Scalar("seen", 1)]);
    }

    private string Resample(string x, Resampling resampling) => resampling switch
    {
        Resampling.Half => G.Node("AveragePool", [x], ("kernel_shape", new long[] { 2, 2 }), ("strides", new long[] { 2, 2 })),
        Resampling.Double => G.Enlarge(x, 2),
        _ => x,
    };
}

/// <summary>What a residual block does to the size of its image.</summary>
internal enum Resampling
{
    None,
    Half,
    Double,
}

/// <summary>The places that attention sees before those of the image.</summary>
/// <param name="Mask">Which places of the text there are, bool [batch, text length].</param>
/// <param name="Tokens">Number of places of the image embedding.</param>
/// <param name="TextLength">Number of places of the text behind them.</param>
internal sealed record KarloContext(string Mask, int Tokens, int TextLength)
{
    public int Length => Tokens + TextLength;
}
