using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>Geometries that can be exported with random weights.</summary>
internal static class KarloSizes
{
    public static IReadOnlyDictionary<string, KarloNetworks> All { get; } = new Dictionary<string, KarloNetworks>
    {
        ["karlo"] = Networks(
            new OpenAiClip(768, 224, new(1024, [24], Patch: 14), new(768, 12)), priorWidth: 2048, priorLayers: 20, priorHeads: 32,
            channels: 320, [1, 2, 3, 4], blocks: 3, contextWidth: 1536, headSize: 64, imageSize: 64, upsampledSize: 256),
        ["tiny"] = Networks(
            new OpenAiClip(64, 64, new(64, [2], Patch: 16), new(64, 2, Vocabulary: 258)), priorWidth: 64, priorLayers: 2, priorHeads: 2,
            channels: 32, [1, 2], blocks: 1, contextWidth: 48, headSize: 32, imageSize: 16, upsampledSize: 64),
    };

    /// <summary>Random weights of a size.</summary>
    public static KarloModel Open(ExportSource source) => new()
    {
        Clip = Weights(source, 4),
        Prior = Weights(source, 0),
        Decoder = Weights(source, 1),
        Upsampler = Weights(source, 2),
        LastUpsampler = Weights(source, 3),
        Settings = new KarloSettings(),
        Tokenizer = (bundle, _) => RandomTokenizer.Write(bundle),
    };

    // Through narrow layers of the usual weights neither prompt nor image makes a difference.
    private static Checkpoint Weights(ExportSource source, int part) => source.Size == "tiny" ? source.OpenRandom(part, deviation: 0.2f) : source.Open(part);

    private static KarloNetworks Networks(
        OpenAiClip clip, int priorWidth, int priorLayers, int priorHeads, int channels, int[] multiples, int blocks, int contextWidth, int headSize,
        int imageSize, int upsampledSize)
    {
        // The upsampler has no attention anywhere; the decoder's is in all levels but the first.
        var upsampler = new KarloUnet
        {
            Channels = channels,
            Levels = [.. multiples.Select(multiple => (channels * multiple, false))],
            Blocks = blocks,
            SeesLowResolution = true,
            Outputs = ImageLayers.Colors,
        };
        return new KarloNetworks(clip.Text, clip.Embedding)
        {
            Clip = clip,
            Prior = new KarloPrior(clip.Embedding, clip.Text.Width, clip.Text.Length, priorWidth, priorLayers, priorHeads),
            Decoder = upsampler with
            {
                Levels = [.. multiples.Select((multiple, i) => (channels * multiple, i > 0))],
                AttendsInMiddle = true,
                Scales = true,
                HeadSize = headSize,
                Conditions = new KarloConditions(clip.Embedding, clip.Text.Width, contextWidth, Tokens: 4),
                SeesLowResolution = false,
                Outputs = 2 * ImageLayers.Colors,
            },
            Upsampler = upsampler,
            ImageSize = imageSize,
            UpsampledSize = upsampledSize,
        };
    }
}
