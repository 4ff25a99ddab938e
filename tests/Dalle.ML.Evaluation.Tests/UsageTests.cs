namespace Dalle.ML.Evaluation.Tests;

public sealed class UsageTests
{
    [Fact]
    public void Sets_that_are_equal_have_no_distance()
    {
        float[][] rows = [[1, 2, 3], [2, 4, 6], [0, 1, 5]];
        var (a, b) = (GoldenFeatures.Statistics(rows), GoldenFeatures.Statistics(rows));
        GoldenFeatures.Near(0, FrechetDistance.Between(a, b), 1e-6);
        Assert.Equal(new PrecisionRecall(1, 1), PrecisionRecall.Between(rows, rows, 1));
    }

    [Fact]
    public void Mistakes_are_told_with_their_numbers()
    {
        Assert.Contains("3 features where 2", Assert.Throws<ArgumentException>(() => new FeatureStatistics(2).Add([1, 2, 3])).Message, StringComparison.Ordinal);
        Assert.Contains("Feature 1 of image 1 is NaN", Assert.Throws<ArgumentException>(() => new FeatureStatistics(2).Add([1, float.NaN])).Message, StringComparison.Ordinal);
        Assert.Contains("needs two images", Assert.Throws<InvalidOperationException>(() => FrechetDistance.Between(new(2), new(2))).Message, StringComparison.Ordinal);
        Assert.Contains("at most 3 splits", Assert.Throws<ArgumentException>(() => new InceptionScore(3, 5, 10)).Message, StringComparison.Ordinal);
        Assert.Contains("2 images were announced and 0 added", Assert.Throws<InvalidOperationException>(() => new InceptionScore(2, 5, 1).Compute()).Message, StringComparison.Ordinal);
        Assert.Contains("at most 2", Assert.Throws<ArgumentException>(() => KernelDistance.Between([[1], [2]], [[1], [2]])).Message, StringComparison.Ordinal);
        Assert.Contains("at most 1", Assert.Throws<ArgumentException>(() => PrecisionRecall.Between([[1], [2]], [[1], [2]])).Message, StringComparison.Ordinal);
        Assert.Contains("2 captions and 1 images", Assert.Throws<ArgumentException>(() => ClipScore.Of([[1], [2]], [[1]])).Message, StringComparison.Ordinal);
        Assert.Contains("7 bytes", Assert.Throws<ArgumentException>(() => GaussianBlur.Apply(new byte[7], 2, 2, 1)).Message, StringComparison.Ordinal);
        Assert.Contains("Token 4", Assert.Throws<ArgumentException>(() => CodebookUsage.Of([1, 4], 4)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_blur_of_radius_zero_changes_nothing_and_a_flat_image_stays_flat()
    {
        byte[] pixels = [1, 2, 3, 250, 0, 9];
        Assert.Equal(pixels, GaussianBlur.Apply(pixels, 2, 1, 0));
        Assert.Equal([7, 7, 7, 7], GaussianBlur.Apply([7, 7, 7, 7], 2, 2, 8));
    }

    [Fact]
    public void The_usage_of_a_codebook_counts_codes_and_their_evenness()
    {
        var even = CodebookUsage.Of([0, 1, 2, 3, 0, 1, 2, 3], 8);
        Assert.Equal(4, even.Used);
        GoldenFeatures.Near(4, even.Perplexity, 1e-12);
        GoldenFeatures.Near(1, CodebookUsage.Of([5, 5, 5], 8).Perplexity, 1e-12);
    }
}
