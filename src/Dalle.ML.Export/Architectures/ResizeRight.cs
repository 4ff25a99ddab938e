using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Architectures;

/// <summary>Cubic enlargement as the package ResizeRight does it: what lies outside the image is black, not left out.</summary>
internal static class ResizeRight
{
    /// <summary>The matrix [to, from] that enlarges a column of pixels.</summary>
    public static Tensor Enlarge(int from, int to)
    {
        var matrix = new float[to * from];
        for (var row = 0; row < to; row++)
        {
            var center = (row + 0.5) * from / to - 0.5;
            var first = (int)Math.Ceiling(center - 2 - 1e-7);
            double[] weights = [.. Enumerable.Range(first, 4).Select(place => Cubic(center - place))];
            var sum = weights.Sum();
            for (var i = 0; i < weights.Length; i++)
            {
                if (first + i >= 0 && first + i < from)
                    matrix[row * from + first + i] = (float)(weights[i] / sum);
            }
        }
        return new Tensor(matrix, isFloat16: false, to, from);
    }

    /// <summary>Keys' cubic with a = −1/2.</summary>
    private static double Cubic(double x)
    {
        x = Math.Abs(x);
        return x <= 1 ? (1.5 * x - 2.5) * x * x + 1 : x <= 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
    }
}
