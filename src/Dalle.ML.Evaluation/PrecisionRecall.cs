using System.Numerics.Tensors;

namespace Dalle.ML.Evaluation;

/// <summary>
/// Precision: the share of generated images that lie among the reference images, within the distance of some reference image to its k-th
/// neighbour. Recall: the same with the sides exchanged.
/// </summary>
/// <param name="Precision">The share of generated images near the reference.</param>
/// <param name="Recall">The share of reference images near the generated.</param>
public sealed record PrecisionRecall(double Precision, double Recall)
{
    /// <summary>Both sides are compared image by image, so that the time grows with the square of their number.</summary>
    /// <param name="generated">The features of the generated images.</param>
    /// <param name="reference">The features of the reference images.</param>
    /// <param name="neighbors">k, not counting the image itself.</param>
    /// <exception cref="ArgumentException">A side has no more than k images, or features differ in length.</exception>
    public static PrecisionRecall Between(IReadOnlyList<float[]> generated, IReadOnlyList<float[]> reference, int neighbors = 3)
    {
        FeatureSets.Dimension(generated, reference);
        ArgumentOutOfRangeException.ThrowIfLessThan(neighbors, 1);
        var fewest = Math.Min(generated.Count, reference.Count);
        if (fewest <= neighbors)
            throw new ArgumentException($"A {neighbors}-th neighbor needs more than {fewest} images: use at most {fewest - 1}.", nameof(neighbors));
        return new PrecisionRecall(ShareNear(generated, reference, neighbors), ShareNear(reference, generated, neighbors));
    }

    private static double ShareNear(IReadOnlyList<float[]> images, IReadOnlyList<float[]> centers, int neighbors)
    {
        var radii = new double[centers.Count];
        Parallel.For(0, centers.Count, i =>
        {
            double[] distances = [.. centers.Select(center => TensorPrimitives.Distance<float>(centers[i], center))];
            Array.Sort(distances);
            // The first is the image itself.
            radii[i] = distances[neighbors];
        });
        var near = 0;
        Parallel.For(0, images.Count, i =>
        {
            for (var j = 0; j < radii.Length; j++)
            {
                if (TensorPrimitives.Distance<float>(images[i], centers[j]) <= radii[j])
                {
                    Interlocked.Increment(ref near);
                    break;
                }
            }
        });
        return (double)near / images.Count;
    }
}
