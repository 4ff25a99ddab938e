using Dalle.ML.Bundles;

namespace Dalle.ML.Export.Architectures;

/// <summary>Checks the sizes of a model against the limits of a bundle, before anything is allocated.</summary>
internal static class ModelSizes
{
    /// <param name="textLength">Number of ids before those of the image.</param>
    /// <param name="grid">Side of the square of image tokens.</param>
    /// <exception cref="InvalidDataException">The stream is longer than a bundle allows.</exception>
    public static void Check(int textLength, int grid)
    {
        if (textLength is < 1 or > ManifestValidator.MaxTextLength || grid is < 1 or > ManifestValidator.MaxGridSide)
        {
            throw new InvalidDataException($"The model has {textLength} text ids and {grid} × {grid} image tokens; "
                + $"there can be at most {ManifestValidator.MaxTextLength} and {ManifestValidator.MaxGridSide} × {ManifestValidator.MaxGridSide}.");
        }
    }
}
