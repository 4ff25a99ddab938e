using Dalle.ML.PipelineHost;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Transforms;

public sealed class DalleInpaintTests : Dalle2ComponentTests<DalleInpaintTransformer>
{
    protected override ComponentOptions Options => new DalleInpaintEstimator.Options
    {
        ModelPath = TinyUnclip.Path,
        InputTextColumnName = "Prompt",
        InputImageColumnName = "Picture",
        InputMaskColumnName = "Mask",
        SeedColumnName = "Seed",
        ScoreColumnName = "Score",
        Seed = 5,
        Generation = TinyUnclip.Quick,
        BatchSize = 3,
    };

    protected override string[] Inputs => ["Prompt", "Picture", "Mask"];

    protected override string[] Outputs => ["Image: Image", "Seed: UInt64", "Score: Single"];

    protected override string[] Annotations => ["Score ScoreColumnKind: Ranking", "Score ScoreValueKind: Score"];

    protected override PipelineRow Broken => new() { Prompt = "no picture" };

    /// <summary>The light part of each picture is painted anew.</summary>
    protected override IEstimator<ITransformer> Pictures => base.Pictures.Append(ML.Transforms.ConvertToGrayscale("Mask", "Picture"));

    protected override IEnumerable<(string Message, GenerationOptions Generation)> Refused =>
    [
        .. base.Refused, .. RefusedSteps, ("PriorSteps must be between 1 and 1000", Generation with { Diffusion = new() { PriorSteps = 1001 } }),
    ];

    [Fact]
    public void The_best_of_several_candidates_is_kept_as_by_the_model()
    {
        var options = (DalleInpaintEstimator.Options)Options with { Generation = TinyUnclip.Quick with { Candidates = 3 }, CandidateScoresColumnName = "Scores" };
        using var model = TinyUnclip.Load();
        var view = Create(options).Fit(Load(Rows)).Transform(Load(Rows[1]));
        using var best = OfPictures(Rows[1], "Mask", (picture, mask) => model.Inpaint(Rows[1].Prompt, picture, mask, seed: 5, options.Generation));
        Assert.Equal(ColumnText.Of(best.Image), ColumnText.Of(view, "Image").Single());
        var scores = view.GetColumn<float[]>("Scores").Single();
        Assert.Equal(3, scores.Distinct().Count());
        Assert.Equal(best.Score, scores[0]);
    }

    [Fact]
    public void Masks_that_do_not_fit_are_reasons_in_their_rows()
    {
        var other = ML.Data.LoadFromEnumerable([MaskRow(8, 8, white: true), MaskRow(64, 64, white: false), MaskRow(64, 64, white: true), new MaskRow { Picture = Square(64, 64, 90) }]);
        var options = (DalleInpaintEstimator.Options)Options with { ErrorColumnName = "Error" };
        using var fitted = Create(options).Fit(other);
        var view = fitted.Transform(other);
        Assert.Equal([true, true, false, true], ColumnText.Of(view, "Image").Select(image => image == "none"));
        Assert.Collection(
            ColumnText.Of(view, "Error"),
            error => Assert.StartsWith("The mask has 8 × 8 pixels, the image 64 × 64; they must be the same.", error, StringComparison.Ordinal),
            error => Assert.StartsWith("The mask paints nothing", error, StringComparison.Ordinal),
            Assert.Empty,
            error => Assert.Equal("Column 'Mask' has no image.", error));

        static MaskRow MaskRow(int width, int height, bool white) => new() { Picture = Square(64, 64, 90), Mask = Square(width, height, white ? byte.MaxValue : byte.MinValue) };
    }

    [Fact]
    public void Columns_of_tokens_are_refused_by_name()
    {
        var error = Assert.Throws<DalleOptionException>(() => Create((DalleInpaintEstimator.Options)Options with { TokensColumnName = "Tokens" }).Fit(Load(Rows)));
        Assert.Equal("'TokensColumnName' is for models that sample image tokens; 'karlo-tiny' is a diffusion model. Leave it out.", error.Message);
    }

    protected override string[] Expected(DalleModel model) =>
        Images(row => OfPictures(row, "Mask", (picture, mask) => model.Inpaint(row.Prompt, picture, mask, seed: 5, TinyUnclip.Quick)));

    protected override IEstimator<ITransformer> Resize(int width, int height) => base.Resize(width, height).Append(ML.Transforms.ResizeImages("Mask", width, height));

    protected override ComponentEstimator<DalleInpaintTransformer> Create(ComponentOptions options) =>
        ML.Transforms.DalleInpaint((DalleInpaintEstimator.Options)options);

    private static MLImage Square(int width, int height, byte value) =>
        MLImage.CreateFromPixels(width, height, MLPixelFormat.Bgra32, [.. Enumerable.Range(0, 4 * width * height).Select(i => i % 4 == 3 ? byte.MaxValue : value)]);

    private sealed class MaskRow
    {
        public string Prompt { get; set; } = "a cat";

        [MLImageType]
        public MLImage? Picture { get; set; }

        [MLImageType]
        public MLImage? Mask { get; set; }
    }
}
