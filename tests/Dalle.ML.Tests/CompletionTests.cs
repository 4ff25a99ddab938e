using Microsoft.ML.Data;

namespace Dalle.ML.Tests;

public sealed class CompletionTests
{
    private static readonly GenerationOptions Quick = new() { Candidates = 1 };

    [Theory]
    [InlineData("top:3")]
    [InlineData("up:1")]
    [InlineData("rect:2x3")]
    [InlineData("left:2,right:1")]
    [InlineData("up:1,left:1,right:1,down:1")]
    public void Known_tokens_are_kept_and_the_rest_is_sampled(string region)
    {
        using var model = TinyModel.Load();
        using var image = model.Generate("a red heart", 1, Quick).Image;
        var tokens = model.EncodeImage(image);
        var keep = KeepRegion.Parse(region);
        var completed = model.Complete("a purple octopus on a green background", image, keep, 3, Quick);
        var generated = 0;
        for (var i = 0; i < tokens.Length; i++)
        {
            if (keep.Keeps(i / 8, i % 8, 8, 8))
                Assert.Equal(tokens[i], completed.Tokens[i]);
            else if (tokens[i] != completed.Tokens[i])
                generated++;
        }
        Assert.True(generated > 5);
        Assert.Equal(completed.Tokens, model.Complete("a purple octopus on a green background", image, keep, 3, Quick).Tokens);
    }

    [Fact]
    public void Regions_tell_which_tokens_they_keep()
    {
        Assert.Equal("11111111/11111111/11000000/11000000/00000000/00000000/00000000/00000000", Map(new KeepRegion(Up: 2) { RectangleWidth = 2, RectangleHeight = 4 }));
        Assert.Equal("11111111/10000001/10000001/10000001/10000001/10000001/10000001/11111111", Map(KeepRegion.Parse("up:1,left:1,right:1,down:1")));
        Assert.Equal(KeepRegion.Top(5), KeepRegion.Parse("top:5"));
        Assert.Equal(KeepRegion.Rectangle(3, 2), KeepRegion.Parse("rect:3x2"));

        static string Map(KeepRegion region) =>
            string.Join('/', Enumerable.Range(0, 8).Select(row => string.Concat(Enumerable.Range(0, 8).Select(column => region.Keeps(row, column, 8, 8) ? '1' : '0'))));
    }

    [Theory]
    [InlineData("")]
    [InlineData("top")]
    [InlineData("top:-1")]
    [InlineData("rect:3")]
    [InlineData("rect:3x")]
    [InlineData("middle:3")]
    [InlineData("top:1;left:2")]
    public void Other_words_are_no_region(string text) => Assert.Contains("top:R", Assert.Throws<FormatException>(() => KeepRegion.Parse(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("top:8")]
    [InlineData("top:9")]
    [InlineData("rect:9x1")]
    [InlineData("left:5,right:4")]
    public void A_region_must_fit_and_leave_something_to_draw(string region)
    {
        using var model = TinyModel.Load();
        using var image = MLImage.CreateFromPixels(1, 1, MLPixelFormat.Rgba32, [0, 0, 0, 255]);
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Complete("a cat", image, KeepRegion.Parse(region), 1));
    }

    [Fact]
    public void Candidates_of_a_completion_are_ranked_and_given_codes_are_checked()
    {
        using var model = TinyModel.Load();
        using var image = model.Generate("a cat", 1, Quick).Image;
        Assert.True(model.Complete("a cat", image, KeepRegion.Top(2), 1).Score >= model.Complete("a cat", image, KeepRegion.Top(2), 1, Quick).Score);
        Assert.Throws<ArgumentException>(() => model.GenerateBatch([new GenerationRequest("a cat", 1) { KnownTokens = new int[3] }]));
        Assert.Throws<ArgumentException>(() => model.GenerateBatch([new GenerationRequest("a cat", 1) { KnownTokens = Enumerable.Repeat(2048, 64).ToArray() }]));
    }

    [Fact]
    public void Scores_are_scaled_cosines_of_unit_vectors()
    {
        using var model = DalleModel.LoadDefault();
        using var image = model.Generate("a red heart", 1);
        var (text, picture) = (model.EmbedText("a red heart"), model.EmbedImage(image.Image));
        Assert.Equal(1, text.Sum(x => x * x), precision: 4);
        Assert.Equal(1, picture.Sum(x => x * x), precision: 4);
        Assert.True(model.Score("a red heart", image.Image) > model.Score("a green square on a black background", image.Image));
        // The picture was rounded to bytes since it was scored.
        Assert.Equal(image.Score, model.Score("a red heart", image.Image), tolerance: 0.05f);
    }

    [Fact]
    public void Progress_shows_the_tokens_sampled_so_far()
    {
        using var model = TinyModel.Load();
        var previews = new List<int[]>();
        var image = model.Generate("a cat", 1, Quick, new Previews(previews));
        Assert.Equal(Enumerable.Range(1, 64), previews.Select(preview => preview.Length));
        Assert.All(previews, preview => Assert.Equal(image.Tokens.Take(preview.Length), preview));
    }

    private sealed class Previews(List<int[]> previews) : IProgress<GenerationProgress>
    {
        public void Report(GenerationProgress value) => previews.Add(value.Tokens.ToArray());
    }
}
