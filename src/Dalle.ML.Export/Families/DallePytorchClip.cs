using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>The CLIP of DALLE-pytorch itself, which pads text with id 0.</summary>
internal static class DallePytorchClip
{
    /// <summary>Writes its graphs.</summary>
    public static ClipGraphs Write(BundleWriter bundle, Checkpoint weights, TokenizerFiles tokenizer)
    {
        // CLIP's constructor does not let it be chosen.
        const int HeadSize = 64;
        var clip = MeanPooledClip.Infer(
            weights,
            DallePytorchLayers.Infer(weights, "text_transformer.", HeadSize),
            DallePytorchLayers.Infer(weights, "visual_transformer.", HeadSize));
        var graphs = clip.Write(bundle, weights);
        var scale = MathF.Exp(weights.ReadScalar("temperature"));
        return new ClipGraphs
        {
            TextEncoder = graphs.Text,
            ImageEncoder = graphs.Image,
            Text = new TextFormat
            {
                Tokenizer = tokenizer,
                Cleaning = DallePytorchFamily.CleaningFor(tokenizer.Kind),
                Vocabulary = clip.Vocabulary,
                Length = clip.TextLength,
                Padding = Padding.Shared,
                PaddingId = 0,
            },
            EmbeddingDimension = clip.Embedding,
            ImageSize = clip.ImageSize,
            Resample = ResampleFilter.Bilinear,
            Scale = scale,
        };
    }
}
