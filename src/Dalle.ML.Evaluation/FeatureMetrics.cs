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

    /// <summary>The shares of images that lie among those of the other side; null where a side has no more images than neighbors are asked for.</summary>
    public required PrecisionRecall? PrecisionRecall { get; init; }

    /// <summary>The images, of the view that has fewer, which the kernel distance and precision and recall have seen.</summary>
    public required int ImagesHeld { get; init; }

    /// <summary>Of the generated images; null without a column of logits. Larger is better.</summary>
    public required double? InceptionScore { get; init; }

    /// <summary>Over the splits, with the divisor N.</summary>
    public required double? InceptionScoreStandardDeviation { get; init; }

    /// <summary>Compares the features of generated and reference images.</summary>
    /// <param name="generated">The generated images.</param>
    /// <param name="reference">The images that they are compared with.</param>
    /// <param name="options">Numbers; the defaults if null. Columns are not read.</param>
    /// <param name="inceptionScore">That of the generated images, if there are logits of them.</param>
    /// <exception cref="ArgumentException">A side has fewer than two images, or the numbers of features differ.</exception>
    public static FeatureMetrics Between(
        FeatureSet generated, FeatureSet reference, FeatureEvaluationOptions? options = null, InceptionScore? inceptionScore = null)
    {
        ArgumentNullException.ThrowIfNull(generated);
        ArgumentNullException.ThrowIfNull(reference);
        options ??= new FeatureEvaluationOptions();
        options.Check();
        var (ofGenerated, ofReference) = (generated.Statistics(nameof(generated)), reference.Statistics(nameof(reference)));
        var fewestHeld = Math.Min(generated.Held.Count, reference.Held.Count);
        var subsetSize = Math.Min(options.SubsetSize, fewestHeld);
        var (kernel, kernelDeviation) = Evaluation.KernelDistance.Between(generated.Held, reference.Held, options.Subsets, subsetSize, options.Seed);
        var score = inceptionScore?.Compute();
        return new FeatureMetrics
        {
            GeneratedImages = ofGenerated.Count,
            ReferenceImages = ofReference.Count,
            FrechetDistance = Evaluation.FrechetDistance.Between(ofGenerated, ofReference),
            KernelDistance = kernel,
            KernelDistanceStandardDeviation = kernelDeviation,
            KernelSubsetSize = subsetSize,
            PrecisionRecall = fewestHeld > options.Neighbors ? Evaluation.PrecisionRecall.Between(generated.Held, reference.Held, options.Neighbors) : null,
            ImagesHeld = fewestHeld,
            InceptionScore = score?.Mean,
            InceptionScoreStandardDeviation = score?.StandardDeviation,
        };
    }
}
