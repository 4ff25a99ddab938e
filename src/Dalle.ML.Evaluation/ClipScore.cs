using System.Numerics.Tensors;

namespace Dalle.ML.Evaluation;

/// <summary>How well images fit their captions by CLIP.</summary>
/// <param name="MeanCosine">The mean of the cosines, which nothing is cut from.</param>
/// <param name="Score">100 · max(cosine, 0), averaged: the "CLIP score" of most papers, cut before averaging.</param>
/// <param name="ClipScoreS">2.5 · max(cosine, 0), averaged: CLIPScore of Hessel et al., who put "A photo depicts " before each caption.</param>
/// <param name="RPrecision">The share of images whose own caption fits best of all.</param>
public sealed record ClipScore(double MeanCosine, double Score, double ClipScoreS, double RPrecision)
{
    /// <summary>Of embeddings of captions and images, of any length; image i belongs to caption i.</summary>
    /// <exception cref="ArgumentException">The numbers of texts and images or the dimensions differ, or an embedding is zero.</exception>
    public static ClipScore Of(IReadOnlyList<float[]> texts, IReadOnlyList<float[]> images)
    {
        FeatureSets.Dimension(images, texts);
        if (texts.Count != images.Count)
            throw new ArgumentException($"There are {texts.Count} captions and {images.Count} images: each image needs its caption.", nameof(images));
        foreach (var embedding in texts.Concat(images))
        {
            if (TensorPrimitives.Norm<float>(embedding) == 0)
                throw new ArgumentException("An embedding of zeros has no direction.");
        }

        double cosines = 0, positive = 0;
        var first = 0;
        for (var i = 0; i < images.Count; i++)
        {
            var cosine = Cosine(texts[i], images[i]);
            cosines += cosine;
            positive += Math.Max(cosine, 0);
            if (Enumerable.Range(0, texts.Count).All(other => other == i || Cosine(texts[other], images[i]) < cosine))
                first++;
        }
        return new ClipScore(cosines / images.Count, 100 * positive / images.Count, 2.5 * positive / images.Count, (double)first / images.Count);
    }

    private static double Cosine(float[] text, float[] image)
    {
        double product = 0, ofText = 0, ofImage = 0;
        for (var i = 0; i < text.Length; i++)
        {
            product += (double)text[i] * image[i];
            ofText += (double)text[i] * text[i];
            ofImage += (double)image[i] * image[i];
        }
        return product / Math.Sqrt(ofText * ofImage);
    }
}
