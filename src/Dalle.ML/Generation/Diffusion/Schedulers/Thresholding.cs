using System.Numerics.Tensors;
using Dalle.ML.Bundles;

namespace Dalle.ML.Generation.Diffusion.Schedulers;

/// <summary>Keeps estimates of x₀ in the range of the training data, out of which guidance drives them (Saharia et al. 2022, Imagen).</summary>
internal static class Thresholding
{
    public static void Apply(Clamp? clamp, Span<float> clean)
    {
        switch (clamp?.Kind)
        {
            case ClampKind.Range:
                TensorPrimitives.Clamp(clean, -clamp.Value, clamp.Value, clean);
                break;
            case ClampKind.Quantile:
                var range = MathF.Max(1, Quantile(clean, clamp.Value));
                TensorPrimitives.Clamp(clean, -range, range, clean);
                TensorPrimitives.Divide(clean, range, clean);
                break;
            case ClampKind.Length:
                BringToLength(clean, clamp.Value);
                break;
        }
    }

    public static void BringToLength(Span<float> vector, float length) =>
        TensorPrimitives.Multiply(vector, length / MathF.Max(TensorPrimitives.Norm(vector), 1e-12f), vector);

    /// <summary>The quantile of the absolute values, interpolated linearly.</summary>
    private static float Quantile(ReadOnlySpan<float> values, float quantile)
    {
        var sorted = new float[values.Length];
        TensorPrimitives.Abs(values, sorted);
        Array.Sort(sorted);
        var position = quantile * (sorted.Length - 1);
        var below = (int)position;
        return float.Lerp(sorted[below], sorted[Math.Min(below + 1, sorted.Length - 1)], position - below);
    }
}
