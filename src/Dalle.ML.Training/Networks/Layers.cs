using Dalle.ML.Training.Native;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Dalle.ML.Training.Networks;

/// <summary>A linear layer.</summary>
internal sealed class LinearLayer : Module<Tensor, Tensor>
{
    private readonly Parameter _weight, _bias;

    public LinearLayer(Parameter weight, Parameter bias)
        : base("Linear")
    {
        register_parameter("weight", _weight = weight);
        register_parameter("bias", _bias = bias);
    }

    public override Tensor forward(Tensor x) =>
        functional.linear(MixedPrecision.Cast(x), MixedPrecision.Cast(_weight), MixedPrecision.Cast(_bias));
}

/// <summary>A normalization of the last axis.</summary>
internal sealed class Normalization : Module<Tensor, Tensor>
{
    private readonly Parameter _weight, _bias;

    public Normalization(WeightInitializer weights, int dim)
        : base("LayerNorm")
    {
        register_parameter("weight", _weight = weights.Constant(1, dim));
        register_parameter("bias", _bias = weights.Constant(0, dim));
    }

    public override Tensor forward(Tensor x) => functional.layer_norm(x, [_weight.shape[0]], _weight, _bias);
}

/// <summary>Vectors by number.</summary>
internal sealed class EmbeddingTable : Module<Tensor, Tensor>
{
    public EmbeddingTable(WeightInitializer weights, int count, int dim)
        : base("Embedding") => register_parameter("weight", Weight = weights.Normal(Block.Deviation, count, dim));

    public Parameter Weight { get; }

    /// <summary>Ids of any shape -> that shape and dim.</summary>
    public override Tensor forward(Tensor ids) => Weight.index_select(0, ids.flatten()).view([.. ids.shape, Weight.shape[1]]);
}

/// <summary>A convolution.</summary>
internal sealed class Convolution : Module<Tensor, Tensor>
{
    private readonly Parameter _weight, _bias;
    private readonly long _stride, _padding;

    /// <param name="weights">Makes the weights.</param>
    /// <param name="from">Channels before.</param>
    /// <param name="to">Channels after.</param>
    /// <param name="kernel">Side of the window.</param>
    /// <param name="stride">Steps of the window.</param>
    /// <param name="padding">Zeros at the edges.</param>
    /// <param name="isZero">Whether it begins as zeros, so that the residual block that it ends begins as nothing.</param>
    public Convolution(WeightInitializer weights, int from, int to, int kernel, int stride = 1, int padding = 0, bool isZero = false)
        : base("Conv2d")
    {
        var inputs = from * kernel * kernel;
        long[] shape = [to, from, kernel, kernel];
        register_parameter("weight", _weight = isZero ? weights.Constant(0, shape) : weights.Uniform(inputs, shape));
        register_parameter("bias", _bias = isZero ? weights.Constant(0, to) : weights.Uniform(inputs, to));
        (_stride, _padding) = (stride, padding);
    }

    public override Tensor forward(Tensor x) => functional.conv2d(
        MixedPrecision.Cast(x), MixedPrecision.Cast(_weight), MixedPrecision.Cast(_bias), strides: [_stride, _stride], padding: [_padding, _padding]);
}

/// <summary>Two convolutions beside a shortcut.</summary>
internal sealed class ResidualBlock : Module<Tensor, Tensor>
{
    private readonly Convolution _a, _b;

    public ResidualBlock(WeightInitializer weights, int channels)
        : base("Res")
    {
        register_module("a", _a = new(weights, channels, channels, kernel: 3, padding: 1));
        register_module("b", _b = new(weights, channels, channels, kernel: 3, padding: 1, isZero: true));
    }

    public override Tensor forward(Tensor x) => x.Plus(_b.forward(_a.forward(x.relu()).relu()));
}

/// <summary>A layer without weights.</summary>
internal sealed class Function(string name, Func<Tensor, Tensor> function) : Module<Tensor, Tensor>(name)
{
    public static Function Relu() => new("ReLU", x => x.relu());

    /// <summary>Squares of pixels become channels.</summary>
    public static Function Unshuffle(int side) => new("PixelUnshuffle", x => Planes(functional.pixel_unshuffle(x, side)));

    /// <summary>Channels become squares of pixels.</summary>
    public static Function Shuffle(int side) => new("PixelShuffle", x => functional.pixel_shuffle(x, side));

    /// <summary>The same values with channels innermost, which convolutions of a CPU are fastest with.</summary>
    public static Tensor Planes(Tensor x) => x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);

    public override Tensor forward(Tensor x) => function(x);
}

/// <summary>Layers one after another, numbered.</summary>
internal sealed class Layers : Module<Tensor, Tensor>
{
    private readonly Module<Tensor, Tensor>[] _layers;

    public Layers(params Module<Tensor, Tensor>[] layers)
        : base("Sequential")
    {
        _layers = layers;
        foreach (var (i, layer) in layers.Index())
            register_module($"{i}", layer);
    }

    public override Tensor forward(Tensor x) => _layers.Aggregate(x, (y, layer) => layer.forward(y));
}

/// <summary>A layer of a transformer: attention, then two linear layers, each beside a shortcut.</summary>
internal sealed class Block : Module<Tensor, Tensor>
{
    /// <summary>Deviation of new weights.</summary>
    public const double Deviation = 0.02;

    private readonly int _heads;
    private readonly Normalization _norm1, _norm2;
    private readonly LinearLayer _qkv, _projection, _up, _down;

    /// <param name="weights">Makes the weights.</param>
    /// <param name="dim">Channels.</param>
    /// <param name="heads">Heads of the attention.</param>
    /// <param name="layers">Number of layers, which new weights of those before a shortcut's sum are the smaller for.</param>
    public Block(WeightInitializer weights, int dim, int heads, int layers)
        : base("Block")
    {
        _heads = heads;
        register_module("ln1", _norm1 = new(weights, dim));
        register_module("ln2", _norm2 = new(weights, dim));
        register_module("qkv", _qkv = Linear(dim, 3 * dim, Deviation));
        register_module("proj", _projection = Linear(dim, dim, Deviation / Math.Sqrt(2 * layers)));
        register_module("fc1", _up = Linear(dim, 4 * dim, Deviation));
        register_module("fc2", _down = Linear(4 * dim, dim, Deviation / Math.Sqrt(2 * layers)));

        LinearLayer Linear(int from, int to, double deviation) => new(weights.Normal(deviation, to, from), weights.Constant(0, to));
    }

    public override Tensor forward(Tensor x) => Run(x, mask: null);

    /// <param name="x">(B, T, C).</param>
    /// <param name="mask">What is added to the scores, (T, T); null where every position sees all.</param>
    public Tensor Run(Tensor x, Tensor? mask)
    {
        var (b, t, c) = (x.shape[0], x.shape[1], x.shape[2]);
        var parts = _qkv.forward(_norm1.forward(x)).view(b, t, 3, _heads, c / _heads).permute(2, 0, 3, 1, 4).unbind(0);
        var (q, k, v) = (parts[0], parts[1], parts[2]);
        // Written out: on a CPU it is faster in bfloat16 than libtorch's fused attention.
        var scores = q.Times(Math.Pow(c / _heads, -0.5)).matmul(k.transpose(-1, -2));
        if (mask is not null)
            scores = scores.Plus(mask.to(scores.dtype));
        x = x.Plus(_projection.forward(scores.softmax(-1).matmul(v).transpose(1, 2).reshape(b, t, c)));
        return x.Plus(_down.forward(functional.gelu(_up.forward(_norm2.forward(x)))));
    }
}
