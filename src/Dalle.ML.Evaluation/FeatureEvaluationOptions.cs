namespace Dalle.ML.Evaluation;

/// <summary>Columns and numbers of an evaluation by features.</summary>
public sealed class FeatureEvaluationOptions
{
    internal const int DefaultMaxImagesHeld = 10_000;

    /// <summary>Name of the column of features: a vector of <see cref="float"/>.</summary>
    public string FeatureColumnName { get; set; } = "Features";

    /// <summary>Name of the column of logits in the view of generated images; no Inception Score if null.</summary>
    public string? LogitColumnName { get; set; }

    /// <summary>Parts of the Inception Score.</summary>
    public int Splits { get; set; } = 10;

    /// <summary>The number of subsets of the kernel distance.</summary>
    public int Subsets { get; set; } = 100;

    /// <summary>The images of a subset; fewer if a view has fewer, which <see cref="FeatureMetrics.KernelSubsetSize"/> says.</summary>
    public int SubsetSize { get; set; } = 1000;

    /// <summary>Of the choice of subsets.</summary>
    public uint Seed { get; set; } = 2020;

    /// <summary>k of precision and recall, which need more than k images on each side.</summary>
    public int Neighbors { get; set; } = 3;

    /// <summary>The kernel distance and precision and recall need the features themselves: they see the first so many images of each view.</summary>
    public int MaxImagesHeld { get; set; } = DefaultMaxImagesHeld;

    internal void Check()
    {
        ArgumentException.ThrowIfNullOrEmpty(FeatureColumnName);
        ArgumentOutOfRangeException.ThrowIfLessThan(Splits, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Subsets, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(SubsetSize, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(Neighbors, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxImagesHeld, 2);
    }
}
