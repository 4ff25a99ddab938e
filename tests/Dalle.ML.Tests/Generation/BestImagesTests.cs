using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Generation;

public sealed class BestImagesTests
{
    private static readonly float[] Scores = [1, 3, float.NaN, 2, 3, -5, 4];

    [Theory]
    [InlineData(1, new[] { 6 })]
    [InlineData(3, new[] { 6, 1, 4 })]
    [InlineData(7, new[] { 6, 1, 4, 3, 0, 5, 2 })]
    [InlineData(512, new[] { 6, 1, 4, 3, 0, 5, 2 })]
    public void The_best_are_kept_in_whatever_order_they_come(int count, int[] expected)
    {
        foreach (var order in new int[][] { [0, 1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1, 0], [4, 2, 6, 0, 1, 5, 3] })
        {
            using var best = new BestImages(count);
            foreach (var candidate in order)
                best.Add(Image(candidate));
            Assert.Equal(expected, best.Select(image => image.Candidate));
            Assert.Equal((expected.Length, expected[0]), (best.Count, best[0].Candidate));
        }
    }

    [Fact]
    public void Images_that_are_not_kept_are_disposed_at_once_and_the_others_with_the_list()
    {
        GeneratedImage[] images = [Image(0), Image(1), Image(2)];
        var best = new BestImages(count: 1);
        Array.ForEach(images, best.Add);
        Assert.Equal([true, false, true], images.Select(IsDisposed));
        best.Dispose();
        Assert.True(IsDisposed(images[1]));
    }

    [Fact]
    public void Images_that_are_taken_are_the_callers()
    {
        var best = new BestImages(count: 2);
        best.Add(Image(0));
        best.Add(Image(1));
        var taken = best.TakeAll();
        Assert.Empty(best);
        best.Add(Image(6));
        best.Dispose();
        Assert.Equal([1, 0], taken.Select(image => image.Candidate));
        Assert.DoesNotContain(taken, IsDisposed);
    }

    [Fact]
    public void A_list_of_none_is_refused() => Assert.Throws<ArgumentOutOfRangeException>(() => new BestImages(count: 0));

    private static GeneratedImage Image(int candidate) => new(MLImage.CreateFromPixels(1, 1, MLPixelFormat.Bgra32, [0, 0, 0, 255]))
    {
        Prompt = "a cat",
        Seed = 1,
        Candidate = candidate,
        CandidateSeed = 1,
        Score = Scores[candidate],
        Tokens = [],
    };

    private static bool IsDisposed(GeneratedImage image) => Record.Exception(() => image.Image.Pixels.Length) is InvalidOperationException;
}
