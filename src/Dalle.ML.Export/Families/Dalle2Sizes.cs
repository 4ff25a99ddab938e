using Dalle.ML.Export.Architectures;

namespace Dalle.ML.Export.Families;

/// <summary>Geometries that can be exported with random weights.</summary>
/// <param name="Clip">CLIP.</param>
/// <param name="Prior">The prior.</param>
/// <param name="Unets">The stages.</param>
/// <param name="ImageSizes">Sides of their images.</param>
/// <param name="Steps">Steps of sampling.</param>
internal sealed record Dalle2Sizes(OpenAiClip Clip, Dalle2Prior Prior, Dalle2Unet[] Unets, int[] ImageSizes, int Steps)
{
    public static IReadOnlyDictionary<string, Dalle2Sizes> All { get; } = new Dictionary<string, Dalle2Sizes>
    {
        // ViT-L/14, the prior of upstream's example, which LAION's last ones have, and LAION's decoder v1.0.2.
        ["laion"] = new(
            new(768, 224, new(1024, [24], Patch: 14), new(768, 12)),
            Transformer(dim: 768, depth: 12, heads: 12, headSize: 64),
            [Decoder(dim: 320, condDim: 512, [1, 2, 3, 4], blocks: 4, embedding: 768, textWidth: 768, textLength: 256)],
            [64], Steps: 64),
        ["tiny"] = new(
            new(64, 64, new(64, [2], Patch: 16), new(64, 2, Vocabulary: 258)),
            Transformer(dim: 64, depth: 2, heads: 2, headSize: 32),
            [
                Decoder(dim: 16, condDim: 16, [1, 2], blocks: 1, embedding: 64, textWidth: 64, textLength: 77),
                Decoder(dim: 16, condDim: 16, [1, 2], blocks: 1, embedding: null, textWidth: null, textLength: 77) with { SeesLowResolution = true, SeesNoiseLevel = true, Outputs = 3 },
            ],
            [16, 32], Steps: 8),
    };

    /// <summary>The rest of the configuration.</summary>
    public ModelConfiguration Settings => new(
        new Dictionary<string, object?>
        {
            ["image_sizes"] = ImageSizes.Select(size => (object?)(long)size).ToArray(),
            ["sample_timesteps"] = (long)Steps,
        },
        "");

    private static Dalle2Prior Transformer(int dim, int depth, int heads, int headSize) => new()
    {
        Generation = Dalle2Generation.Second,
        Dim = dim,
        Depth = depth,
        Heads = heads,
        HeadSize = headSize,
        Hidden = 4 * dim,
        TextLength = 77,
        Timesteps = 1000,
        Frequencies = 16,
        NormalizesHidden = true,
    };

    private static Dalle2Unet Decoder(int dim, int condDim, int[] multiples, int blocks, int? embedding, int? textWidth, int textLength) => new()
    {
        Generation = Dalle2Generation.Second,
        Dim = dim,
        CondDim = condDim,
        Levels = [.. multiples.Select((multiple, i) => new UnetLevel(dim * multiple, blocks, i == 0 ? UnetAttention.Linear : UnetAttention.Full))],
        Heads = 8,
        HeadSize = 64,
        Kernels = [3, 7, 15],
        LastKernel = 1,
        Embedding = embedding,
        AddsEmbeddingToTime = embedding is not null,
        TextWidth = textWidth,
        TextLength = textLength,
        IsMemoryEfficient = true,
        Outputs = 6,
    };
}
