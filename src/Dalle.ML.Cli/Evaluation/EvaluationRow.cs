using System.Globalization;

namespace Dalle.ML.Cli;

/// <summary>The metrics of one radius of blur and one number of candidates.</summary>
internal sealed record EvaluationRow
{
    public static readonly string[] Header = ["blur", "best of", "FID", "IS", "KID", "precision", "recall", "CLIP score", "accuracy"];

    /// <summary>Standard deviation of the blur of both sets, in pixels.</summary>
    public required double Blur { get; init; }

    /// <summary>Number of candidates of which the best was taken; null without a choice.</summary>
    public required int? BestOf { get; init; }

    public required long Generated { get; init; }

    public required long Reference { get; init; }

    /// <summary>The model whose features were compared.</summary>
    public required string Features { get; init; }

    /// <summary>Number of its features.</summary>
    public required int Dimensions { get; init; }

    public required double FrechetDistance { get; init; }

    public required double? InceptionScore { get; init; }

    public required double? InceptionScoreStandardDeviation { get; init; }

    public required double KernelDistance { get; init; }

    public required double KernelDistanceStandardDeviation { get; init; }

    public required int KernelSubsetSize { get; init; }

    public required double? Precision { get; init; }

    public required double? Recall { get; init; }

    /// <summary>100 · max(cosine, 0), averaged over images without blur; null where prompts or CLIP are missing.</summary>
    public double? ClipScore { get; init; }

    public double? RPrecision { get; init; }

    /// <summary>The share of the generated images with a label that the network tells as what their label says; null without labels.</summary>
    public double? Accuracy { get; init; }

    /// <summary>Number of the generated images with a label; null without labels.</summary>
    public int? Labelled { get; init; }

    public string[] Cells()
    {
        return
        [
            Text(Blur, "0.###"), BestOf?.ToString(CultureInfo.InvariantCulture) ?? "-", Text(FrechetDistance, "0.###"), Text(InceptionScore, "0.##"),
            Text(KernelDistance, "0.#####"), Text(Precision, "0.000"), Text(Recall, "0.000"), Text(ClipScore, "0.00"), Text(Accuracy, "0.000"),
        ];

        static string Text(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "-";
    }
}
