using MathNet.Numerics.LinearAlgebra;

namespace Dalle.ML.Evaluation;

/// <summary>The Fréchet distance between two normal distributions; of Inception features it is called FID.</summary>
public static class FrechetDistance
{
    /// <summary>
    /// |m₁ − m₂|² + tr A + tr B − 2 tr √(AB). With no more images than dimensions the covariances are singular and the distance is biased
    /// upward: tell the numbers of images with it.
    /// </summary>
    /// <exception cref="ArgumentException">The dimensions differ.</exception>
    /// <exception cref="InvalidOperationException">There are fewer than two images on a side.</exception>
    public static double Between(FeatureStatistics first, FeatureStatistics second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        if (first.Dimension != second.Dimension)
            throw new ArgumentException($"Features of {first.Dimension} and of {second.Dimension} values cannot be compared.", nameof(second));

        var (a, b) = (Covariance(first), Covariance(second));
        var means = first.Mean.Zip(second.Mean, (left, right) => (left - right) * (left - right)).Sum();
        // What rounding leaves of sets that are equal may be below zero.
        return Math.Max(0, means + a.Trace() + b.Trace() - 2 * TraceOfRoot(a, b));
    }

    /// <summary>
    /// By the eigenvalues of √A B √A, which are those of AB: both problems are symmetric, so that singular covariances neither become
    /// complex nor need a small number on their diagonals.
    /// </summary>
    private static double TraceOfRoot(Matrix<double> a, Matrix<double> b)
    {
        var decomposition = a.Evd(Symmetricity.Symmetric);
        // With A = QΛQᵀ, √Λ QᵀBQ √Λ has the eigenvalues of √A B √A.
        var scaled = decomposition.EigenVectors.Clone();
        for (var column = 0; column < scaled.ColumnCount; column++)
            scaled.SetColumn(column, scaled.Column(column) * Math.Sqrt(Math.Max(0, decomposition.EigenValues[column].Real)));
        var product = scaled.TransposeThisAndMultiply(b * scaled);
        var symmetric = (product + product.Transpose()) / 2;
        return symmetric.Evd(Symmetricity.Symmetric).EigenValues.Sum(value => Math.Sqrt(Math.Max(0, value.Real)));
    }

    private static Matrix<double> Covariance(FeatureStatistics statistics) =>
        Matrix<double>.Build.Dense(statistics.Dimension, statistics.Dimension, statistics.Covariance);
}
