using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Architectures;

/// <summary>The sizes of a DALL·E mini, whose transformer is a BART.</summary>
internal sealed record BartConfig
{
    // Tensors that the configuration of dalle-mini can add to the layers; no published model has them.
    private static readonly string[] Variants = ["_proj.bias", ".fc0.bias", "head_scale", "rel_bias", "mid_layernorm"];

    /// <summary>Number of values that stand for a token between the layers.</summary>
    public required int Width { get; init; }

    /// <summary>The attention heads of every layer.</summary>
    public required AttentionHeads Heads { get; init; }

    public required Stack Encoder { get; init; }

    /// <summary>Its vocabulary is that of the image and a few ids that are never sampled.</summary>
    public required Stack Decoder { get; init; }

    /// <summary>Side of the square of image tokens.</summary>
    public int Grid => (int)Math.Sqrt(Decoder.Length);

    /// <summary>The published geometries, with those of their images, and one to try things with.</summary>
    public static IReadOnlyDictionary<string, (BartConfig Transformer, VqganConfig Images)> Sizes { get; } =
        new Dictionary<string, (BartConfig, VqganConfig)>
        {
            ["mini"] = (new()
            {
                Width = 1024,
                Heads = AttentionHeads.Of(1024, 16),
                Encoder = new Stack(Layers: 12, Gated: 2730, Vocabulary: 50264, Length: 64),
                Decoder = new Stack(Layers: 12, Gated: 2730, Vocabulary: 16385, Length: 256),
            }, VqganConfig.F16),
            ["mega"] = (new()
            {
                Width = 2048,
                Heads = AttentionHeads.Of(2048, 32),
                Encoder = new Stack(Layers: 24, Gated: 4096, Vocabulary: 50272, Length: 64),
                Decoder = new Stack(Layers: 24, Gated: 4096, Vocabulary: 16416, Length: 256),
            }, VqganConfig.F16),
            ["tiny"] = (new()
            {
                Width = 64,
                Heads = AttentionHeads.Of(64, 4),
                Encoder = new Stack(Layers: 2, Gated: 90, Vocabulary: 256, Length: 64),
                Decoder = new Stack(Layers: 3, Gated: 90, Vocabulary: 16385, Length: 64),
            }, VqganConfig.F16 with { Channels = [32, 32, 32, 32, 32], Stem = 32 }),
        };

    /// <summary>A published geometry, with another number of heads if one is given.</summary>
    /// <exception cref="InvalidDataException">They cannot share the width evenly.</exception>
    public static (BartConfig Transformer, VqganConfig Images) Random(string size, int? heads)
    {
        var (transformer, images) = Sizes[size];
        return (transformer with { Heads = transformer.Heads.Or(heads) }, images);
    }

    /// <summary>Reads the sizes off the shapes of the weights.</summary>
    /// <param name="encoder">Weights of the text's side.</param>
    /// <param name="decoder">Weights of the image's side.</param>
    /// <param name="heads">Number of attention heads, if it is known: no shape tells it.</param>
    /// <exception cref="InvalidDataException">The weights are not those of such a model.</exception>
    public static BartConfig Infer(Checkpoint encoder, Checkpoint decoder, int? heads)
    {
        var variant = encoder.Names.Concat(decoder.Names).FirstOrDefault(name => Variants.Any(part => name.Contains(part, StringComparison.Ordinal)));
        if (variant is not null)
            throw new InvalidDataException($"The model has a tensor '{variant}': a variant of DALL·E mini that is not supported.");
        var width = encoder.Shape("layernorm_embedding.bias", rank: 1)[0];
        var config = new BartConfig
        {
            Width = width,
            Heads = AttentionHeads.Of(width, heads),
            Encoder = Stack.Infer(encoder),
            Decoder = Stack.Infer(decoder),
        };
        return config.Grid * config.Grid == config.Decoder.Length
            ? config
            : throw new InvalidDataException($"The decoder has {config.Decoder.Length} positions, which do not form a square of image tokens.");
    }

    /// <summary>The layers of the encoder or the decoder.</summary>
    /// <param name="Layers">Their number.</param>
    /// <param name="Gated">Number of values between the two halves of a feed-forward layer.</param>
    /// <param name="Vocabulary">Number of ids.</param>
    /// <param name="Length">Number of positions.</param>
    internal sealed record Stack(int Layers, int Gated, int Vocabulary, int Length)
    {
        public static Stack Infer(Checkpoint weights) => new(
            weights.Count("layers.", ".glu.fc0.weight"),
            weights.Shape("layers.0.glu.fc0.weight", rank: 2)[0],
            weights.Shape("embed_tokens.weight", rank: 2)[0],
            weights.Shape("embed_positions.weight", rank: 2)[0]);
    }
}
