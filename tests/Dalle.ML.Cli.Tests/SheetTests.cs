using Microsoft.ML.Data;

namespace Dalle.ML.Cli.Tests;

/// <summary><c>--grid</c>: columns, gaps, background, captions, and sheets without seams.</summary>
public sealed class SheetTests : IDisposable
{
    private const int Side = 128;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Columns_gap_and_background_are_as_wished()
    {
        using var sheet = await Sheet("-n", "3", "--grid-columns", "2", "--grid-gap", "10", "--grid-background", "#102030");
        Assert.Equal((2 * (Side + 10) + 10, 2 * (Side + 10) + 10), (sheet.Width, sheet.Height));
        Assert.Equal((0x10, 0x20, 0x30, 255), ColorAt(sheet, 0, 0));
        // The fourth place is empty.
        Assert.Equal((0x10, 0x20, 0x30, 255), ColorAt(sheet, 10 + Side + 10 + Side / 2, 10 + Side + 10 + Side / 2));
        using var clear = await Sheet("--grid-background", "transparent", "--grid-gap", "1");
        Assert.Equal((0, 0, 0, 0), ColorAt(clear, 0, 0));
        Assert.Equal(255, ColorAt(clear, 1, 1).Alpha);
        using var tight = await Sheet("-n", "2", "--grid-gap", "0");
        Assert.Equal((2 * Side, Side), (tight.Width, tight.Height));
    }

    [Fact]
    public async Task Captions_are_under_or_over_the_images_which_they_do_not_touch()
    {
        Assert.SkipUnless(CaptionFont.IsAvailable, "needs a font");
        using var plain = await Sheet("--grid-gap", "2");
        using var under = await Sheet("--grid-gap", "2", "--grid-captions", "prompt,seed,score");
        using var over = await Sheet("--grid-gap", "2", "--grid-captions", "prompt,seed,score", "--grid-captions-at", "over");
        Assert.Equal((under.Width, under.Height), (over.Width, over.Height));
        // The column is wider than the image, so that words fit.
        Assert.True(under.Width > plain.Width && under.Height > plain.Height);
        var (left, caption) = ((under.Width - Side) / 2, under.Height - plain.Height);
        foreach (var y in Enumerable.Range(0, Side))
        {
            foreach (var x in Enumerable.Range(0, Side))
            {
                Assert.Equal(ColorAt(plain, 2 + x, 2 + y), ColorAt(under, left + x, 2 + y));
                Assert.Equal(ColorAt(plain, 2 + x, 2 + y), ColorAt(over, left + x, 2 + caption + y));
            }
        }
        Assert.True(Darkest(under, 2 + Side, under.Height) < 100);
        Assert.True(Darkest(over, 0, 2 + caption) < 100);
        using var dark = await Sheet("--grid-captions", "seed", "--grid-background", "black");
        Assert.Contains(Enumerable.Range(0, dark.Width), x => Enumerable.Range(4 + Side, dark.Height - Side - 4).Any(y => ColorAt(dark, x, y).Red > 150));
    }

    [Fact]
    public void Captions_are_wrapped_and_only_prompts_are_cut()
    {
        Assert.SkipUnless(CaptionFont.IsAvailable, "needs a font");
        var font = new CaptionFont(12);
        Assert.Equal(["a cat"], font.Wrap("  a \n cat ", 500, 2));
        Assert.Empty(font.Wrap("", 500, 2));
        var lines = font.Wrap("a very long prompt that does not fit into two lines of this width at all", 80, 2);
        Assert.Equal(2, lines.Count);
        Assert.StartsWith("a very long", lines[0], StringComparison.Ordinal);
        Assert.EndsWith("…", lines[1], StringComparison.Ordinal);
        Assert.Equal(3, font.Wrap(new string('m', 40), 150, 3).Count);
        // No half of a surrogate pair, even where nothing fits.
        Assert.All(font.Wrap("🐈🐈🐈", 1, 3), line => Assert.False(char.IsHighSurrogate(line.TrimEnd('…')[^1])));
        Assert.Equal(["seed 1 · score 2.0"], font.Fill(["seed 1", "score 2.0"], " · ", 500));
        Assert.Equal(["seed 1", "score 2.0"], font.Fill(["seed 1", "score 2.0"], " · ", 60));
    }

    [Fact]
    public async Task A_sheet_without_seams_is_the_grid_of_all_tokens_decoded()
    {
        var run = await Run("generate", "a cat", "-n", "6", "--seed", "1", "--candidates", "1", "--grid", "--seamless", "-q");
        using var sheet = new ImageReader().Read(run.Output[^1]);
        using var model = DalleModel.LoadDefault();
        var images = model.GenerateBatch([.. GenerationRequest.Series("a cat", 1, 6)], new() { Candidates = 1 }).ToArray();
        using var expected = model.DecodeTokenGrid([.. images.Select(image => image.Tokens)], columns: 3);
        Assert.Equal((3 * Side, 2 * Side), (sheet.Width, sheet.Height));
        Assert.Equal(expected.GetBGRPixels, sheet.GetBGRPixels);
    }

    [Theory]
    [InlineData("--grid-gap is about the sheet of all images", "--grid-gap", "3")]
    [InlineData("--seamless is about the sheet of all images", "--seamless")]
    [InlineData("--grid-captions-at must be under or over", "--grid", "--grid-captions", "seed", "--grid-captions-at", "left")]
    [InlineData("--grid-captions says which", "--grid", "--grid-captions-at", "over")]
    [InlineData("--grid-captions must be one or more of prompt,seed,score,perplexity", "--grid", "--grid-captions", "seed,name")]
    [InlineData("--grid-captions must be one or more of", "--grid", "--grid-captions", "seed,seed")]
    [InlineData("--grid-background must be white, black", "--grid", "--grid-background", "#12345")]
    [InlineData("--grid-columns must be a whole number from 1 to 1000", "--grid", "--grid-columns", "0")]
    [InlineData("--grid-gap must be a whole number from 0 to 1000", "--grid", "--grid-gap", "-1")]
    [InlineData("--seamless leaves nothing between the images; --grid-captions", "--grid", "--seamless", "--grid-captions", "seed")]
    [InlineData("6 images do not fill rows of 4", "--grid", "--seamless", "--grid-columns", "4", "-n", "6")]
    [InlineData("--seamless takes at most 16384 image tokens, of this model 64 images; 65 were requested", "--grid", "--seamless", "-n", "65")]
    public async Task Usage_errors_name_the_option(string message, params string[] arguments)
    {
        var run = await Run(["generate", "a cat", "--seed", "1", "--candidates", "1", .. arguments]);
        Assert.Contains(message, run.Errors, StringComparison.Ordinal);
        Assert.Equal((2, 0), (run.ExitCode, Directory.GetFiles(_folder.Path).Length));
    }

    private async Task<MLImage> Sheet(params string[] arguments)
    {
        var run = await Run(["generate", "a cat", "--seed", "1", "--candidates", "1", "--grid", "-q", "-o", Guid.NewGuid().ToString(), .. arguments]);
        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        return new ImageReader().Read(run.Output[^1]);
    }

    private static (byte Red, byte Green, byte Blue, byte Alpha) ColorAt(MLImage image, int x, int y)
    {
        var pixel = image.Pixels.Slice((y * image.Width + x) * 4, 4);
        return image.PixelFormat == MLPixelFormat.Bgra32 ? (pixel[2], pixel[1], pixel[0], pixel[3]) : (pixel[0], pixel[1], pixel[2], pixel[3]);
    }

    private static int Darkest(MLImage image, int top, int bottom) =>
        Enumerable.Range(top, bottom - top).Min(y => Enumerable.Range(0, image.Width).Min(x => (int)ColorAt(image, x, y).Green));

    private Task<Tool> Run(params string[] arguments) => Tool.RunAsync(_folder.Path, arguments);
}
