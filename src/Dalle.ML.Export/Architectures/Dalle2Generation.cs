using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// The arithmetic of lucidrains/DALLE2-pytorch, which changed three times in ways that its files do not survive: the same names and
/// shapes, other numbers.
/// </summary>
/// <param name="Name">The word for it in a setting and in messages: a version that has it.</param>
internal sealed record Dalle2Generation(string Name)
{
    /// <summary>Up to 0.15: LAION's decoders of 1.5 billion weights and most of its priors.</summary>
    public static Dalle2Generation First { get; } = new("0.15.4")
    {
        Norm = "gamma",
        CrossAttention = "cross_attn.fn.",
        TransposesUp = true,
        EnlargesSmoothly = true,
        DynamicQuantile = 0.9f,
    };

    /// <summary>0.23.1 to 1.4.2: LAION's decoder v1.0.2 and its upsampler, and its last priors.</summary>
    public static Dalle2Generation Second { get; } = new("1.0.2")
    {
        Norm = "g",
        CrossAttention = "cross_attn.fn.",
        PriorBiasFactor = 128,
        StabilizesPrior = true,
        PriorNulls = ["null_text_embed"],
        TruncatesTime = true,
        EndsWithLowResolution = true,
    };

    /// <summary>1.10 to the last.</summary>
    public static Dalle2Generation Third { get; } = new("1.15.6")
    {
        Norm = "g",
        CrossAttention = "cross_attn.",
        PriorIsCosine = true,
        SquaresScale = true,
        StabilizesPrior = true,
        PriorNulls = ["null_text_encodings", "null_text_embeds", "null_image_embed"],
        NormalizesLinearValues = true,
        UnshufflesDown = true,
        EndsWithLowResolution = true,
    };

    public static IReadOnlyList<Dalle2Generation> All { get; } = [First, Second, Third];

    /// <summary>The name of the factors of a layer norm.</summary>
    public required string Norm { get; init; }

    /// <summary>Where the weights of cross-attention are in a block.</summary>
    public required string CrossAttention { get; init; }

    /// <summary>The weight of the relative positions in the prior.</summary>
    public float PriorBiasFactor { get; init; } = 1;

    /// <summary>Whether the prior compares directions of queries and keys only.</summary>
    public bool PriorIsCosine { get; init; }

    /// <summary>Whether queries and keys of self-attention are both scaled as if they alone were.</summary>
    public bool SquaresScale { get; init; }

    /// <summary>Whether the prior divides its last hidden states by the largest of them before they are normalized.</summary>
    public bool StabilizesPrior { get; init; }

    /// <summary>
    /// What the prior learned for no text, no text embedding and no image embedding; where it learned nothing it hides the text.
    /// </summary>
    public IReadOnlyList<string> PriorNulls { get; init; } = [];

    /// <summary>Whether waves of the timestep are cut to whole numbers in a prior that has no table of timesteps.</summary>
    public bool TruncatesTime { get; init; }

    /// <summary>Whether values of linear attention have the length 1, and are averaged over the places.</summary>
    public bool NormalizesLinearValues { get; init; }

    /// <summary>Whether the image is halved by a product over blocks of 2 × 2 pixels; otherwise by a convolution of 4 × 4.</summary>
    public bool UnshufflesDown { get; init; }

    /// <summary>Whether the image is doubled by a transposed convolution; otherwise by channels that become pixels.</summary>
    public bool TransposesUp { get; init; }

    /// <summary>Whether the last convolution of a later stage sees the image of the stage before.</summary>
    public bool EndsWithLowResolution { get; init; }

    /// <summary>Whether a later stage is given the image before it cubically enlarged; otherwise by its nearest pixels.</summary>
    public bool EnlargesSmoothly { get; init; }

    /// <summary>The part of the values that dynamic thresholding keeps where the configuration does not say.</summary>
    public float DynamicQuantile { get; init; } = 0.95f;

    /// <summary>The generation of a prior's network, by the names of its weights.</summary>
    /// <exception cref="InvalidDataException">It lies between two.</exception>
    public static Dalle2Generation OfPrior(Checkpoint weights) =>
        weights.Contains("causal_transformer.layers.0.0.norm.gamma") ? First
        : weights.Contains("null_text_encodings") ? Third
        : weights.Contains("null_text_embed") ? Second
        : throw Between("prior has layer norms of version 0.16 and later, but learned nothing for absent text as since 0.23.1");

    /// <summary>The generation of a UNet, by the names of its weights.</summary>
    /// <exception cref="InvalidDataException">It lies between two.</exception>
    public static Dalle2Generation OfUnet(Checkpoint weights)
    {
        if (weights.Contains("mid_block1.cross_attn.fn.norm.gamma"))
            return First;
        var wraps = weights.Contains("mid_block1.cross_attn.fn.norm.g");
        var transposes = weights.Contains("ups.0.3.weight");
        var unshuffles = weights.Names.Any(name => name.StartsWith("downs.0.", StringComparison.Ordinal) && name.EndsWith(".1.weight", StringComparison.Ordinal)
            && name.Split('.') is ["downs", _, "0" or "4", "1", "weight"]);
        return (wraps, transposes, unshuffles) switch
        {
            (true, false, false) => Second,
            (false, false, _) when unshuffles || weights.Names.Any(name => name.StartsWith("downs.", StringComparison.Ordinal) && name.Contains(".convs.", StringComparison.Ordinal)) => Third,
            _ => throw Between(transposes ? "UNet doubles images by transposed convolutions, as up to 0.15, but its layer norms are of 0.16 and later"
                : "UNet halves images and names its attention as no version between 0.23.1 and 1.4.2, nor from 1.10, does both"),
        };
    }

    /// <summary>The generation of a version that a file states; null where the weights must tell.</summary>
    /// <exception cref="InvalidDataException">It lies between two.</exception>
    public static void CheckVersion(string version)
    {
        if (!Version.TryParse(version, out var parsed))
            return;
        var isBetween = parsed >= new Version(0, 16) && parsed < new Version(0, 23, 1) || parsed >= new Version(1, 4, 3) && parsed < new Version(1, 10);
        if (isBetween)
            throw Between($"file was saved by version {version}");
    }

    private static InvalidDataException Between(string what) => new(
        $"The {what}. Its arithmetic lies between those that are known: up to 0.15, 0.23.1 to 1.4.2, and from 1.10 on. "
        + $"If you know which of them its pictures need, name it by the setting 'generation': 1 for {First.Name}, 2 for {Second.Name}, 3 for {Third.Name}.");
}
