using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Images;

namespace Dalle.ML.Export.Architectures;

/// <summary>Cubic enlargement as the package ResizeRight does it: what lies outside the image is black, not left out.</summary>
internal static class ResizeRight
{
    /// <summary>The matrix [to, from] that enlarges a column of pixels.</summary>
    public static Tensor Enlarge(int from, int to)
    {
        var matrix = new float[to * from];
        var rows = PaddedBicubic.Weights(from, to, to);
        for (var row = 0; row < to; row++)
            rows[row].Weights.CopyTo(matrix, row * from + rows[row].First);
        return new Tensor(matrix, isFloat16: false, to, from);
    }
}
