using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>Where the graph of a VQGAN's decoder has what the modules of these names gave.</summary>
internal static class VqganStates
{
    public static HiddenState[] Decoder { get; } =
    [
        new("(?:dec_)?(post_quant_conv|conv_in|norm_out|conv_out)", "$1/"),
        new(@"(?:dec_)?mid_(block|attn)_(\d+)", "mid.$1_$2/"),
        new(@"(?:dec_)?up(\d+)_block(\d+)", "up.$1.block.$2/"),
    ];

    /// <summary>With the inverse wavelet transform within the last convolution.</summary>
    public static HiddenState[] WaveletDecoder { get; } = [new("conv_out", "conv_out/Conv", Inverse), .. Decoder];

    private static float[] Inverse(Npy transform) => HaarWavelet.Invert(new Tensor(transform.Floats(), isFloat16: false, transform.Shape[1..])).Values;
}
