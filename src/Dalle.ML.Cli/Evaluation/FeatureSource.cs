using Dalle.ML.Evaluation;
using Dalle.ML.Images;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary>Computes what metrics compare: features and logits by a network that judges images, or else the image embeddings of a CLIP.</summary>
internal sealed class FeatureSource(DalleModel model)
{
    public string Name => model.Info.Name;

    /// <summary>Whether there is nothing better than CLIP.</summary>
    public bool IsClip => model.Info.FeatureDimension == 0;

    public int Dimension => IsClip ? model.Info.EmbeddingDimension : model.Info.FeatureDimension;

    /// <summary>Number of classes; 0 without logits.</summary>
    public int Classes => model.Info.FeatureClasses;

    /// <summary>Features, and logits where there are classes.</summary>
    public (float[] Features, float[] Logits) Extract(MLImage image, double blur)
    {
        using var blurred = blur == 0 ? null : Blur(image, blur);
        var seen = blurred ?? image;
        return IsClip ? (model.EmbedImage(seen), []) : model.ExtractFeatures(seen);
    }

    private static MLImage Blur(MLImage image, double radius)
    {
        // On white first: what lies under transparent pixels must not show.
        using var opaque = ImageTensor.From(image).ToImage();
        var pixels = GaussianBlur.Apply(opaque.Pixels, image.Width, image.Height, radius);
        return MLImage.CreateFromPixels(image.Width, image.Height, opaque.PixelFormat, pixels);
    }
}
