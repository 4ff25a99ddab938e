namespace Dalle.ML.Tests;

public sealed class TokenGridTests
{
    [Fact]
    public void One_image_is_decoded_as_ever()
    {
        using var model = TinyModel.Load();
        var tokens = Tokens(model, 1)[0];
        using var expected = model.DecodeTokens(tokens);
        using var actual = model.DecodeTokenGrid([tokens], columns: 1);
        Assert.Equal((expected.Width, expected.Height), (actual.Width, actual.Height));
        Assert.Equal(expected.Pixels.ToArray(), actual.Pixels.ToArray());
    }

    /// <summary>
    /// The rule of a sheet without seams: where two images meet, a decoder of convolutions sees what lies within them. Of tokens that are all the same, the
    /// sheet is the same on both sides of a seam and on it, as it is within an image; images decoded alone show their edges there.
    /// </summary>
    [Fact]
    public void Nothing_of_a_uniform_grid_tells_where_images_meet()
    {
        using var model = DalleModel.LoadDefault();
        var info = model.Info;
        int[] tokens = [.. Enumerable.Repeat(1000, info.TokenRows * info.TokenColumns)];
        using var sheet = model.DecodeTokenGrid([tokens, tokens, tokens, tokens, tokens, tokens], columns: 3);
        Assert.Equal((3 * info.ImageWidth, 2 * info.ImageHeight), (sheet.Width, sheet.Height));
        var (pixels, patch) = (sheet.Pixels.ToArray(), info.ImageWidth / info.TokenColumns);
        byte[] Patch(int row, int column) =>
            [.. Enumerable.Range(0, patch).SelectMany(line => pixels.AsSpan(((row * patch + line) * sheet.Width + column * patch) * 4, patch * 4).ToArray())];
        // Far enough from the sheet's own edges every token's square is the same, at a seam too.
        var inner = Patch(info.TokenRows - 1, info.TokenColumns + 3);
        foreach (var row in new[] { info.TokenRows - 1, info.TokenRows })
        {
            foreach (var column in new[] { info.TokenColumns - 1, info.TokenColumns, 2 * info.TokenColumns - 1, 2 * info.TokenColumns })
                Assert.InRange(inner.Zip(Patch(row, column)).Max(pair => Math.Abs(pair.First - pair.Second)), 0, 1);
        }
        using var alone = model.DecodeTokens(tokens);
        var (right, left) = (Column(alone, alone.Width - 1), Column(alone, 0));
        Assert.True(right.Zip(left).Max(pair => Math.Abs(pair.First - pair.Second)) > 1);
    }

    [Fact]
    public void Grids_that_are_not_full_or_too_large_are_refused()
    {
        using var model = TinyModel.Load();
        var tokens = Tokens(model, 3);
        Assert.Contains("3 images do not fill rows of 2", Assert.Throws<ArgumentException>(() => model.DecodeTokenGrid(tokens, columns: 2)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => model.DecodeTokenGrid([], columns: 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.DecodeTokenGrid(tokens, columns: 0));
        Assert.Throws<ArgumentException>(() => model.DecodeTokenGrid([[1, 2]], columns: 1));
        var most = 16384 / tokens[0].Length;
        Assert.Contains("it may have 16384", Assert.Throws<ArgumentException>(() => model.DecodeTokenGrid([.. Enumerable.Repeat(tokens[0], most + 1)], columns: 1)).Message, StringComparison.Ordinal);
    }

    private static int[][] Tokens(DalleModel model, int images) => [.. Enumerable.Range(0, images)
        .Select(image => Enumerable.Range(0, model.Info.TokenRows * model.Info.TokenColumns).Select(i => (i * 7 + image) % model.Info.CodebookSize).ToArray())];

    private static byte[] Column(Microsoft.ML.Data.MLImage image, int x)
    {
        var pixels = image.Pixels.ToArray();
        return [.. Enumerable.Range(0, image.Height).SelectMany(y => pixels.AsSpan((y * image.Width + x) * 4, 4).ToArray())];
    }
}
