using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Architectures;

/// <summary>The sizes of a <see cref="Vqgan"/>, by its weights, and the variations that its family knows.</summary>
internal sealed record VqganConfig
{
    /// <summary>Number of groups of every group normalisation.</summary>
    public const int Groups = 32;

    // VQModel's, GumbelVQ's, min-dalle's.
    private static readonly string[] Codebooks = ["quantize.embedding.weight", "quantize.embed.weight", "embedding.weight"];

    /// <summary>Channels of each level, from full resolution downwards; each halves the one before.</summary>
    public required int[] Channels { get; init; }

    /// <summary>Channels of the encoder's first convolution; null where there is no encoder.</summary>
    public required int? Stem { get; init; }

    /// <summary>Residual blocks of each level of the decoder; a level of the encoder has one less.</summary>
    public required int Blocks { get; init; }

    /// <summary>The levels whose residual blocks are each followed by attention.</summary>
    public required int[] AttentionLevels { get; init; }

    /// <summary>Channels between the codebook's convolutions and the rest.</summary>
    public required int Latent { get; init; }

    /// <summary>Number of codebook entries.</summary>
    public required int CodebookSize { get; init; }

    /// <summary>Channels of a codebook entry.</summary>
    public required int CodeDimension { get; init; }

    /// <summary>Name of the tensor that holds the codebook.</summary>
    public string Codebook { get; init; } = Codebooks[0];

    /// <summary>Whether a learned projection selects the codebook index, instead of the distance (GumbelVQ).</summary>
    public bool IsGumbel { get; init; }

    /// <summary>Whether the decoder produces the wavelet transform of an image of twice the size (DecoderDWT of ru-dALLE).</summary>
    public bool IsWavelet { get; init; }

    /// <summary>Epsilon of the group normalisations.</summary>
    public float Epsilon { get; init; } = 1e-6f;

    /// <summary>Whether pixels lie in −1..1, else in 0..1.</summary>
    public bool IsSigned { get; init; } = true;

    /// <summary>Side of the square of encoded pixels that one token stands for.</summary>
    public int Encoded => 1 << (Channels.Length - 1);

    /// <summary>Side of the square of decoded pixels that one token stands for.</summary>
    public int Decoded => Encoded * (IsWavelet ? 2 : 1);

    /// <summary>The published models with 16 × 16 pixels a token.</summary>
    public static VqganConfig F16 { get; } = new()
    {
        Channels = [128, 128, 256, 256, 512],
        Stem = 128,
        Blocks = 3,
        AttentionLevels = [4],
        Latent = 256,
        CodebookSize = 16384,
        CodeDimension = 256,
    };

    /// <summary>The published models with 8 × 8 pixels a token.</summary>
    public static VqganConfig F8 { get; } = new()
    {
        Channels = [128, 128, 256, 512],
        Stem = 128,
        Blocks = 3,
        AttentionLevels = [3],
        Latent = 256,
        CodebookSize = 8192,
        CodeDimension = 256,
        Codebook = "quantize.embed.weight",
        IsGumbel = true,
    };

    /// <summary>The format of the images of a square grid of tokens. With wavelets the decoded image is larger than the encoded one.</summary>
    public ImageFormat Images(int side) => new()
    {
        Width = side * Decoded,
        Height = side * Decoded,
        EncodedWidth = IsWavelet ? side * Encoded : null,
        EncodedHeight = IsWavelet ? side * Encoded : null,
        Rows = side,
        Columns = side,
        CodebookSize = CodebookSize,
    };

    /// <summary>Checks that a transformer has as many image tokens as there are codebook entries.</summary>
    /// <exception cref="InvalidDataException">It has another number of them.</exception>
    public VqganConfig For(GptSizes transformer) => CodebookSize == transformer.CodebookSize
        ? this
        : throw new InvalidDataException($"The VQGAN has a codebook of {CodebookSize} and the transformer one of {transformer.CodebookSize}: "
            + "they belong to different models.");

    /// <summary>Reads the names and shapes of all variants: taming-transformers' VQModel and GumbelVQ, ru-dALLE's and minDALL-E's copies,
    /// min-dalle's decoder on its own.</summary>
    /// <exception cref="InvalidDataException">The weights are not those of a VQGAN.</exception>
    public static VqganConfig Infer(Checkpoint weights)
    {
        var isWavelet = weights.Contains("decoder.decoder.conv_in.weight");
        var decoder = weights.Subtree(isWavelet ? "decoder.decoder." : "decoder.");
        var levels = decoder.Count("up.", ".block.0.conv1.weight");
        var codebook = Codebooks.FirstOrDefault(weights.Contains);
        if (levels == 0 || codebook is null)
            throw new InvalidDataException("The checkpoint is not that of a VQGAN: it has no codebook 'quantize.embedding.weight', or no decoder 'decoder.up.0.block.0'.");

        var config = new VqganConfig
        {
            Channels = [.. Enumerable.Range(0, levels).Select(level => decoder.Shape($"up.{level}.block.0.conv1.weight", rank: 4)[0])],
            Stem = weights.Contains("encoder.conv_in.weight") ? weights.Shape("encoder.conv_in.weight", rank: 4)[0] : null,
            Blocks = decoder.Count("up.0.block.", ".conv1.weight"),
            AttentionLevels = [.. Enumerable.Range(0, levels).Where(level => decoder.Contains($"up.{level}.attn.0.q.weight"))],
            Latent = decoder.Shape("conv_in.weight", rank: 4)[1],
            CodebookSize = weights.Shape(codebook, rank: 2)[0],
            CodeDimension = weights.Shape(codebook, rank: 2)[1],
            Codebook = codebook,
            IsGumbel = weights.Contains("quantize.proj.weight"),
            IsWavelet = isWavelet,
        };
        var attending = Enumerable.Range(0, levels).Where(level => weights.Contains($"encoder.down.{level}.attn.0.q.weight")).ToArray();
        if (config.Stem is not null && !attending.SequenceEqual(config.AttentionLevels))
        {
            throw new InvalidDataException($"The VQGAN's encoder has attention at the levels [{string.Join(", ", attending)}] ('encoder.down.….attn') and its "
                + $"decoder at [{string.Join(", ", config.AttentionLevels)}] ('up.….attn'); the option attn_resolutions gives both the same.");
        }
        return config.Channels.All(channels => channels % Groups == 0)
            ? config
            : throw new InvalidDataException($"The VQGAN's levels have {string.Join(", ", config.Channels)} channels; each must be a multiple of {Groups}.");
    }
}
