using System.Numerics.Tensors;

namespace Dalle.ML.Evaluation;

/// <summary>
/// The mean and covariance of features that come one by one. The memory is that of one matrix, whatever the number of images. The order of
/// the features matters only to the last digits; the same order gives the same bits.
/// </summary>
public sealed class FeatureStatistics
{
    /// <summary>That of Inception v3 is 2048; a larger matrix of doubles would be of gigabytes.</summary>
    internal const int MaxDimension = 8192;

    private readonly double[] _mean;
    private readonly double[] _difference;
    /// <summary>Sums of products of differences from the mean; of each row only the part from the diagonal on.</summary>
    private readonly double[][] _products;

    /// <summary>Statistics of nothing yet.</summary>
    /// <param name="dimension">The number of values that each image has, 1 to 8192.</param>
    public FeatureStatistics(int dimension)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(dimension, MaxDimension);
        _mean = new double[dimension];
        _difference = new double[dimension];
        _products = [.. Enumerable.Range(0, dimension).Select(row => new double[dimension - row])];
    }

    /// <summary>The number of values that each image has.</summary>
    public int Dimension => _mean.Length;

    /// <summary>The number of images so far.</summary>
    public long Count { get; private set; }

    /// <summary>The mean of each value.</summary>
    public IReadOnlyList<double> Mean => _mean;

    /// <summary>Adds the features of one image.</summary>
    /// <exception cref="ArgumentException">Another number of values than <see cref="Dimension"/>, or one that is not finite.</exception>
    public void Add(ReadOnlySpan<float> features)
    {
        if (features.Length != Dimension)
            throw new ArgumentException($"Image {Count + 1} has {features.Length} features where {Dimension} are expected.", nameof(features));
        for (var i = 0; i < features.Length; i++)
        {
            if (!float.IsFinite(features[i]))
                throw new ArgumentException($"Feature {i} of image {Count + 1} is {features[i]}.", nameof(features));
        }

        Count++;
        for (var i = 0; i < features.Length; i++)
            _difference[i] = features[i] - _mean[i];
        // Welford's update: sums of squares less the square of the sum would lose the small variances.
        var weight = (Count - 1.0) / Count;
        for (var row = 0; row < _products.Length; row++)
            TensorPrimitives.MultiplyAdd(_difference.AsSpan(row), weight * _difference[row], _products[row], _products[row]);
        TensorPrimitives.MultiplyAdd(_difference, 1.0 / Count, _mean, _mean);
    }

    /// <summary>The covariance of two values, with the divisor <see cref="Count"/> − 1 as in NumPy's cov.</summary>
    /// <exception cref="InvalidOperationException">There are fewer than two images.</exception>
    public double Covariance(int first, int second)
    {
        if (Count < 2)
            throw new InvalidOperationException($"A covariance needs two images at least; there are {Count}.");
        var (row, column) = first < second ? (first, second) : (second, first);
        return _products[row][column - row] / (Count - 1);
    }
}
