namespace Microsoft.ML.ImageAnalytics.Resizing;

/// <summary>Which source positions a target position is the mean of, and with which weights.</summary>
internal readonly record struct ResizingWeights(int First, float[] Weights)
{
    /// <summary>
    /// Bilinear interpolation when enlarging; when shrinking the same triangle, as wide as what a target pixel covers, so that
    /// no source pixel is passed over.
    /// </summary>
    public static ResizingWeights[] Of(ResizingAxis axis, int sourceSize)
    {
        double scale = axis.SourceLength / axis.TargetLength;
        double radius = Math.Max(scale, 1);
        var all = new ResizingWeights[axis.TargetLength];
        for (int i = 0; i < all.Length; i++)
        {
            double center = axis.SourceStart + (i + 0.5) * scale;
            int first = Math.Clamp((int)Math.Floor(center - radius), 0, sourceSize - 1);
            int end = Math.Clamp((int)Math.Ceiling(center + radius), first + 1, sourceSize);

            var weights = new float[end - first];
            for (int j = 0; j < weights.Length; j++)
                weights[j] = (float)Math.Max(0, 1 - Math.Abs(first + j + 0.5 - center) / radius);
            float sum = weights.Sum();
            for (int j = 0; j < weights.Length; j++)
                weights[j] /= sum;
            all[i] = new ResizingWeights(first, weights);
        }

        return all;
    }
}
