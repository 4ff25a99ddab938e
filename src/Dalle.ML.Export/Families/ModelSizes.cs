using Dalle.ML.Models;

namespace Dalle.ML.Export.Families;

/// <summary>What the sizes of a model must keep to, whatever its family, before anything is made of them.</summary>
internal static class ModelSizes
{
    /// <param name="textLength">Number of ids before those of the image.</param>
    /// <param name="grid">Side of the square of image tokens.</param>
    /// <exception cref="InvalidDataException">The stream is longer than a bundle's may be.</exception>
    public static void Check(int textLength, int grid)
    {
        if (textLength is < 1 or > ManifestRules.MaxTextLength || grid is < 1 or > ManifestRules.MaxGridSide)
        {
            throw new InvalidDataException($"The model has {textLength} text ids and {grid} × {grid} image tokens; "
                + $"there can be at most {ManifestRules.MaxTextLength} and {ManifestRules.MaxGridSide} × {ManifestRules.MaxGridSide}.");
        }
    }
}
