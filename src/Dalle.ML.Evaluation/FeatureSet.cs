namespace Dalle.ML.Evaluation;

/// <summary>
/// The features of the images of one side, which come one by one: their means and covariances, and the first of the features themselves. The memory
/// does not grow with the number of images beyond those.
/// </summary>
/// <param name="maxImagesHeld">The kernel distance and precision and recall need the features themselves: they see the first so many images.</param>
public sealed class FeatureSet(int maxImagesHeld = FeatureEvaluationOptions.DefaultMaxImagesHeld)
{
    private readonly List<float[]> _held = [];
    private FeatureStatistics? _statistics;

    /// <summary>The number of images so far.</summary>
    public long Count => _statistics?.Count ?? 0;

    /// <summary>Adds the features of one image.</summary>
    /// <exception cref="ArgumentException">Another number of values than that of the images before it, or one that is not finite.</exception>
    public void Add(ReadOnlySpan<float> features)
    {
        (_statistics ??= new FeatureStatistics(features.Length)).Add(features);
        if (_held.Count < maxImagesHeld)
            _held.Add(features.ToArray());
    }

    internal IReadOnlyList<float[]> Held => _held;

    /// <summary>Means and covariances.</summary>
    /// <exception cref="ArgumentException">There are too few images.</exception>
    internal FeatureStatistics Statistics(string side) => _statistics is { Count: > 1 } statistics
        ? statistics
        : throw new ArgumentException($"There are {Count} images; a covariance needs two at least.", side);
}
