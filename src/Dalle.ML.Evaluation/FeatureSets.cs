namespace Dalle.ML.Evaluation;

internal static class FeatureSets
{
    /// <summary>The length that all features have.</summary>
    public static int Dimension(IReadOnlyList<float[]> generated, IReadOnlyList<float[]> reference)
    {
        ArgumentNullException.ThrowIfNull(generated);
        ArgumentNullException.ThrowIfNull(reference);
        if (generated.Count == 0 || reference.Count == 0)
            throw new ArgumentException(generated.Count == 0 ? "There are no features of generated images." : "There are no features of reference images.");
        var dimension = generated[0].Length;
        foreach (var features in generated.Concat(reference))
        {
            if (features.Length != dimension || dimension == 0)
                throw new ArgumentException($"All images need the same number of features; there are {dimension} and {features.Length}.");
            foreach (var value in features)
            {
                if (!float.IsFinite(value))
                    throw new ArgumentException($"A feature is {value}.");
            }
        }
        return dimension;
    }
}
