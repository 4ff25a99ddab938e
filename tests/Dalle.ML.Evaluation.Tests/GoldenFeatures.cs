using System.Text.Json;

namespace Dalle.ML.Evaluation.Tests;

/// <summary>Reads the reference data of the metrics.</summary>
internal static class GoldenFeatures
{
    public const string Family = "fid-is";

    /// <summary>The rows of a matrix of floats.</summary>
    public static float[][] Rows(string path)
    {
        var file = Npy.Read(path);
        return [.. file.Floats().Chunk(file.Shape[1])];
    }

    public static JsonElement Json(string path)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(path));
        return document.RootElement.Clone();
    }

    public static FeatureStatistics Statistics(float[][] rows)
    {
        var statistics = new FeatureStatistics(rows[0].Length);
        foreach (var row in rows)
            statistics.Add(row);
        return statistics;
    }

    public static void Near(double expected, double actual, double tolerance) =>
        Assert.True(Math.Abs(expected - actual) <= tolerance, $"{actual:r} is not within {tolerance:g3} of {expected:r}.");
}
