namespace Dalle.ML.Evaluation;

/// <summary>How near generated images are to reference images, by their features.</summary>
public sealed class FeatureMetrics
{
    /// <summary>The number of generated images.</summary>
    public required long GeneratedImages { get; init; }

    /// <summary>The number of reference images.</summary>
    public required long ReferenceImages { get; init; }

    /// <summary>FID if the features are those of Inception. Smaller is better.</summary>
    public required double FrechetDistance { get; init; }

    /// <summary>KID if the features are those of Inception: the mean over subsets. Smaller is better.</summary>
    public required double KernelDistance { get; init; }

    /// <summary>Over the subsets, with the divisor N.</summary>
    public required double KernelDistanceStandardDeviation { get; init; }

    /// <summary>The images of a subset.</summary>
    public required int KernelSubsetSize { get; init; }

    /// <summary>The shares of images that lie among those of the other side.</summary>
    public required PrecisionRecall PrecisionRecall { get; init; }

    /// <summary>The images, of the view that has fewer, which the kernel distance and precision and recall have seen.</summary>
    public required int ImagesHeld { get; init; }

    /// <summary>Of the generated images; null without a column of logits. Larger is better.</summary>
    public required double? InceptionScore { get; init; }

    /// <summary>Over the splits, with the divisor N.</summary>
    public required double? InceptionScoreStandardDeviation { get; init; }
}
