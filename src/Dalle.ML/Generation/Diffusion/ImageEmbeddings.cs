using System.Numerics.Tensors;
using Dalle.ML.Generation.Diffusion.Schedulers;

namespace Dalle.ML.Generation.Diffusion;

/// <summary>Ways between image embeddings (Ramesh et al. 2022, section 3).</summary>
internal static class ImageEmbeddings
{
    /// <summary>The point at a fraction of the way from one embedding to another: along the arc between them, the lengths mixed too.</summary>
    public static float[] Slerp(ReadOnlySpan<float> from, ReadOnlySpan<float> to, double fraction)
    {
        var angle = Math.Acos(Math.Clamp(TensorPrimitives.CosineSimilarity(from, to), -1, 1));
        // Of vectors of one direction, or of opposite ones, there is no single arc.
        var sine = Math.Sin(angle);
        var (first, second) = sine < 1e-6 ? (1 - fraction, fraction) : (Math.Sin((1 - fraction) * angle) / sine, Math.Sin(fraction * angle) / sine);
        var mixed = new float[from.Length];
        for (var i = 0; i < mixed.Length; i++)
            mixed[i] = (float)(first * from[i] + second * to[i]);
        return mixed;
    }

    /// <summary>An image embedding turned towards the difference of two texts; its length stays.</summary>
    public static float[] Turn(ReadOnlySpan<float> image, ReadOnlySpan<float> from, ReadOnlySpan<float> to, double fraction)
    {
        var difference = new float[image.Length];
        TensorPrimitives.Subtract(to, from, difference);
        Thresholding.BringToLength(difference, 1);
        var unit = image.ToArray();
        Thresholding.BringToLength(unit, 1);
        var turned = Slerp(unit, difference, fraction);
        TensorPrimitives.Multiply(turned, TensorPrimitives.Norm(image), turned);
        return turned;
    }
}
