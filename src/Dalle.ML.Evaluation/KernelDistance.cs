using System.Numerics.Tensors;

namespace Dalle.ML.Evaluation;

/// <summary>The squared maximum mean discrepancy of features with a cubic kernel; of Inception features it is called KID.</summary>
public static class KernelDistance
{
    /// <summary>
    /// The mean and standard deviation (divisor N) over random subsets, chosen as torch-fidelity chooses them: its defaults are 100 subsets of
    /// 1000 with seed 2020. Unbiased: it does not depend on the number of images, and may be below zero.
    /// </summary>
    /// <param name="generated">The features of the generated images.</param>
    /// <param name="reference">The features of the reference images.</param>
    /// <param name="subsets">The number of subsets.</param>
    /// <param name="subsetSize">The images of a subset, at most as many as each side has.</param>
    /// <param name="seed">Of the choice of subsets.</param>
    /// <exception cref="ArgumentException">A side has too few images, or features differ in length.</exception>
    public static (double Mean, double StandardDeviation) Between(
        IReadOnlyList<float[]> generated, IReadOnlyList<float[]> reference, int subsets = 100, int subsetSize = 1000, uint seed = 2020)
    {
        var dimension = FeatureSets.Dimension(generated, reference);
        ArgumentOutOfRangeException.ThrowIfLessThan(subsets, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(subsetSize, 2);
        var fewest = Math.Min(generated.Count, reference.Count);
        if (subsetSize > fewest)
            throw new ArgumentException($"Subsets of {subsetSize} images cannot be chosen from {fewest}: use subsets of at most {fewest}.", nameof(subsetSize));

        var random = new NumPyRandom(seed);
        var distances = new double[subsets];
        var choices = Enumerable.Range(0, subsets).Select(_ => (random.Choose(generated.Count, subsetSize), random.Choose(reference.Count, subsetSize))).ToArray();
        Parallel.For(0, subsets, i =>
        {
            var (left, right) = choices[i];
            distances[i] = OfSubset(Array.ConvertAll(left, index => generated[index]), Array.ConvertAll(right, index => reference[index]), dimension);
        });
        return Moments.Of(distances);
    }

    private static double OfSubset(float[][] left, float[][] right, int dimension)
    {
        double within = 0, between = 0;
        for (var i = 0; i < left.Length; i++)
        {
            for (var j = 0; j < right.Length; j++)
            {
                between += Kernel(left[i], right[j], dimension);
                if (j < i)
                    within += 2 * (Kernel(left[i], left[j], dimension) + Kernel(right[i], right[j], dimension));
            }
        }
        var count = (double)left.Length;
        return within / (count * (count - 1)) - 2 * between / (count * count);
    }

    private static double Kernel(float[] left, float[] right, int dimension)
    {
        var value = TensorPrimitives.Dot<float>(left, right) / (double)dimension + 1;
        return value * value * value;
    }
}
