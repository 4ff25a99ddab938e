namespace Dalle.ML.Evaluation.Tests;

public sealed class ImageSimilarityTests
{
    [Fact]
    public void Equal_images_are_as_similar_as_can_be()
    {
        byte[] image = [.. Enumerable.Range(0, 16 * 12 * 3).Select(i => (byte)(i * 37))];
        Assert.Equal(double.PositiveInfinity, ImageSimilarity.PeakSignalToNoise(image, image));
        GoldenFeatures.Near(1, ImageSimilarity.StructuralSimilarity(image, image, 16, 12), 1e-12);
    }

    [Fact]
    public void Flat_images_have_the_similarity_of_the_formulas()
    {
        var (first, second) = (Enumerable.Repeat((byte)100, 144).ToArray(), Enumerable.Repeat((byte)110, 144).ToArray());
        GoldenFeatures.Near(20 * Math.Log10(25.5), ImageSimilarity.PeakSignalToNoise(first, second), 1e-12);
        const double c1 = 2.55 * 2.55;
        GoldenFeatures.Near((22000 + c1) / (22100 + c1), ImageSimilarity.StructuralSimilarity(first, second, 12, 12), 1e-9);
    }

    [Fact]
    public void Images_of_different_sizes_are_refused()
    {
        Assert.Throws<ArgumentException>(() => ImageSimilarity.PeakSignalToNoise(new byte[3], new byte[6]));
        Assert.Throws<ArgumentOutOfRangeException>(() => ImageSimilarity.StructuralSimilarity(new byte[100], new byte[100], 10, 10));
        Assert.Throws<ArgumentException>(() => ImageSimilarity.StructuralSimilarity(new byte[145], new byte[145], 12, 12));
    }
}
