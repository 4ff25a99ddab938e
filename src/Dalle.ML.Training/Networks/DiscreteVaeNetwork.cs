using System.Text.Json.Serialization;
using Dalle.ML.Training.Native;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Dalle.ML.Training.Networks;

/// <summary>Sizes of a discrete VAE.</summary>
/// <param name="Width">Channels of the encoder.</param>
/// <param name="DecoderWidth">Channels of the decoder.</param>
/// <param name="Codes">Number of image tokens that there are.</param>
/// <param name="Dim">Channels of a codebook entry.</param>
/// <param name="Quantiser">One of the quantizers below.</param>
/// <param name="Blocks">Number of residual blocks of the encoder.</param>
/// <param name="Grid">Image tokens along a side.</param>
internal sealed record DiscreteVaeSizes(int Width, int DecoderWidth, int Codes, int Dim, string Quantiser, int Blocks = 3, int Grid = 8)
{
    /// <summary>The nearest code; the decoder gives pixels.</summary>
    public const string Vq = "vq";

    /// <summary>The paper's relaxation: the encoder gives logits, the decoder the means and scales of a likelihood.</summary>
    public const string Gumbel = "gumbel";

    /// <summary>As <see cref="Vq"/> is exported: the encoder gives logits, the decoder pixels. It cannot be trained further.</summary>
    public const string Exported = "exported";

    [JsonIgnore]
    public bool HasKeys => Quantiser == Vq;

    [JsonIgnore]
    public bool IsLogitLaplace => Quantiser == Gumbel;
}

/// <summary>The discrete VAE: squares of 8 × 8 pixels become tokens, and tokens pixels.</summary>
internal sealed class DiscreteVaeNetwork : Module
{
    /// <summary>Pixels along the side of a token.</summary>
    public const int PixelsPerToken = 8;

    private readonly Layers _encoder, _decoder;

    public DiscreteVaeNetwork(WeightInitializer weights, DiscreteVaeSizes sizes)
        : base("Dvae")
    {
        Sizes = sizes;
        var (w, d, h) = (sizes.Width, sizes.DecoderWidth, sizes.DecoderWidth / 2);
        _encoder = new(
        [
            Function.Unshuffle(4), new Convolution(weights, 48, w / 2, kernel: 3, padding: 1), Function.Relu(),
            new Convolution(weights, w / 2, w, kernel: 4, stride: 2, padding: 1),
            .. Enumerable.Range(0, sizes.Blocks).Select(_ => new ResidualBlock(weights, w)),
            Function.Relu(), new Convolution(weights, w, sizes.HasKeys ? sizes.Dim : sizes.Codes, kernel: 1),
        ]);
        _decoder = new(
            new Convolution(weights, sizes.Dim, d, kernel: 3, padding: 1),
            new ResidualBlock(weights, d), new ResidualBlock(weights, d), new ResidualBlock(weights, d),
            Function.Relu(), new Convolution(weights, d, 4 * h, kernel: 1), Function.Shuffle(2),
            new ResidualBlock(weights, h), new ResidualBlock(weights, h),
            Function.Relu(), new Convolution(weights, h, 16 * (sizes.IsLogitLaplace ? 6 : 3), kernel: 3, padding: 1), Function.Shuffle(4));
        register_module("encoder", new Named("net", _encoder));
        register_module("decoder", new Named("net", _decoder));
        register_parameter("book", Codebook = weights.Normal(0.05, sizes.Codes, sizes.Dim));
        if (sizes.HasKeys)
            register_buffer("keys", Keys = Codebook.detach().clone());
    }

    public DiscreteVaeSizes Sizes { get; }

    /// <summary>What the decoder gets for a token, (K, D).</summary>
    public Parameter Codebook { get; }

    /// <summary>What features are compared with, (K, D); null where the encoder gives logits.</summary>
    public Tensor? Keys { get; }

    /// <summary>Pixels in 0 to 1, (N, 3, H, W) -> features or logits, (N, C, H / 8, W / 8).</summary>
    public Tensor Features(Tensor pixels) => _encoder.forward(pixels.Times(2).Plus(-1)).to(ScalarType.Float32);

    /// <summary>Vectors of the codebook, (N, D, h, w) -> (N, 3 or 6, H, W) around 0.5.</summary>
    public Tensor Decode(Tensor vectors) => _decoder.forward(vectors).Plus(0.5).to(ScalarType.Float32);

    /// <summary>The tokens of pixels, (N, h · w).</summary>
    public Tensor Encode(Tensor pixels)
    {
        var features = Features(pixels);
        return (Sizes.HasKeys ? Nearest(Rows(features), Keys!).view(pixels.shape[0], -1) : features.argmax(1).flatten(1)).contiguous();
    }

    /// <summary>The pixels of tokens, (N, h · w), in 0 to 1.</summary>
    public Tensor Decode(Tensor tokens, int grid)
    {
        var y = Decode(LookUp(tokens, grid));
        return (Sizes.IsLogitLaplace ? LogitLaplace.Unmap(y.narrow(1, 0, 3).sigmoid()) : y).Clamped(0, 1);
    }

    /// <summary>The vectors of tokens, (N, D, h, w).</summary>
    public Tensor LookUp(Tensor tokens, int grid) =>
        Codebook.index_select(0, tokens.flatten()).view(-1, grid, grid, Sizes.Dim).permute(0, 3, 1, 2);

    /// <summary>The nearest key of each feature, (M, D) -> (M). Always in floats: in bfloat16 it would often be another.</summary>
    public static Tensor Nearest(Tensor features, Tensor keys) => (features.matmul(keys.t()).Times(2) - (keys * keys).sum(1)).argmax(1);

    /// <summary>(N, C, h, w) -> (N · h · w, C).</summary>
    public static Tensor Rows(Tensor planes) => planes.permute(0, 2, 3, 1).flatten(0, 2);

    /// <summary>A module with one part.</summary>
    private sealed class Named : Module
    {
        public Named(string name, Module part)
            : base("Part") => register_module(name, part);
    }
}

/// <summary>DALL·E's likelihood of pixels (Ramesh et al. 2021, appendix A.3), whose support is the open unit interval.</summary>
internal static class LogitLaplace
{
    private const double Margin = 0.1;

    public static Tensor Map(Tensor pixels) => pixels.Times(1 - 2 * Margin).Plus(Margin);

    public static Tensor Unmap(Tensor values) => values.Plus(-Margin).Over(1 - 2 * Margin);

    /// <summary>Nats per value of pixels in 0 to 1, given means and log scales, (N, 6, H, W).</summary>
    public static Tensor Loss(Tensor output, Tensor pixels)
    {
        var parts = output.chunk(2, 1);
        var (mean, scale, target) = (parts[0], parts[1].Clamped(-6, 3), Map(pixels));
        return ((target.logit() - mean).abs() / scale.exp()).Plus(scale).Plus((target.Times(2) * target.neg().Plus(1)).log()).mean();
    }
}
