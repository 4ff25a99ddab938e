using Dalle.ML.PipelineHost;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Transforms;

public sealed class DalleInterpolateImagesTests : Dalle2ComponentTests<DalleInterpolateTransformer>
{
    protected override ComponentOptions Options => Interpolation;

    protected override string[] Inputs => ["Picture", "Other", "Fraction"];

    protected override string[] Outputs => ["Image: Image", "Seed: UInt64"];

    protected override PipelineRow Broken => new() { Prompt = "no picture" };

    protected override IEstimator<ITransformer> Pictures => base.Pictures.Append(ML.Transforms.ConvertToGrayscale("Other", "Picture"));

    protected override IEnumerable<(string Message, GenerationOptions Generation)> Refused => base.Refused.Concat(RefusedWithoutPrior);

    private static DalleInterpolateEstimator.Options Interpolation => new()
    {
        ModelPath = TinyUnclip.Path,
        InputFromImageColumnName = "Picture",
        InputToImageColumnName = "Other",
        InputFractionColumnName = "Fraction",
        SeedColumnName = "Seed",
        Seed = 5,
        Generation = TinyUnclip.QuickDecoder,
        BatchSize = 3,
    };

    [Fact]
    public void A_number_of_frames_makes_a_strip_of_them()
    {
        using var model = TinyUnclip.Load();
        using var transformer = Create(Interpolation with { InputFractionColumnName = null, Frames = 5 }).Fit(Load(Rows));
        var strips = transformer.Transform(Load(Rows[..2])).GetColumn<MLImage>("Image").ToArray();
        foreach (var (strip, row) in strips.Zip(Rows))
        {
            var frames = FramesOf(model, row);
            Assert.Equal((5 * 64, 64), (strip.Width, strip.Height));
            for (var frame = 0; frame < 5; frame++)
                Assert.Equal(Convert.ToHexString(frames[frame].Image.Pixels), Convert.ToHexString(Part(strip, frame)));
        }

        static byte[] Part(MLImage strip, int frame) =>
            [.. Enumerable.Range(0, 64).SelectMany(y => strip.Pixels.Slice(4 * (y * strip.Width + 64 * frame), 4 * 64).ToArray())];
    }

    [Fact]
    public void Without_a_place_on_the_way_it_is_the_middle()
    {
        using var model = TinyUnclip.Load();
        using var transformer = Create(Interpolation with { InputFractionColumnName = null }).Fit(Load(Rows));
        Assert.Equal(
            ColumnText.Of(FramesOf(model, Rows[0])[2].Image), ColumnText.Of(transformer.Transform(Load(Rows[0])), "Image").Single());
    }

    [Fact]
    public void Ends_and_places_are_given_in_one_way()
    {
        Refuse("InputFromImageColumnName and InputToImageColumnName, or", Interpolation with { InputToImageColumnName = null });
        Refuse("InputFromImageColumnName and InputToImageColumnName, or", Interpolation with { InputToTextColumnName = "Prompt" });
        Refuse("InputFromImageColumnName and InputToImageColumnName, or", new DalleInterpolateEstimator.Options());
        Refuse("at most one of Fraction, InputFractionColumnName and Frames", Interpolation with { Frames = 2 });
        Refuse("at most one of Fraction, InputFractionColumnName and Frames", Interpolation with { Fraction = 0.5f });
        Assert.Throws<ArgumentOutOfRangeException>("Fraction", () => Interpolation with { Fraction = 1.01f });
        Assert.Throws<ArgumentOutOfRangeException>("Fraction", () => Interpolation with { Fraction = float.NaN });
        Assert.Throws<ArgumentOutOfRangeException>("Frames", () => Interpolation with { Frames = 1 });
        Assert.Throws<ArgumentOutOfRangeException>("Frames", () => Interpolation with { Frames = 1001 });

        void Refuse(string message, DalleInterpolateEstimator.Options options) =>
            Assert.Contains(message, Assert.Throws<ArgumentException>(nameof(options), () => Create(options)).Message, StringComparison.Ordinal);
    }

    protected override string[] Expected(DalleModel model) => [.. Rows.Select((row, place) => ColumnText.Of(FramesOf(model, row)[place].Image))];

    protected override IEstimator<ITransformer> Resize(int width, int height) => base.Resize(width, height).Append(ML.Transforms.ResizeImages("Other", width, height));

    protected override ComponentEstimator<DalleInterpolateTransformer> Create(ComponentOptions options) =>
        ML.Transforms.DalleInterpolate((DalleInterpolateEstimator.Options)options);

    /// <summary>Five frames: the fractions of the rows are 0, 1/4, 2/4 and 3/4.</summary>
    private GeneratedImage[] FramesOf(DalleModel model, PipelineRow row) =>
        OfPictures(row, "Other", (from, to) => model.Interpolate(from, to, frames: 5, seed: 5, TinyUnclip.QuickDecoder).ToArray());
}

public sealed class DalleInterpolateTextsTests : Dalle2ComponentTests<DalleInterpolateTransformer>
{
    protected override ComponentOptions Options => new DalleInterpolateEstimator.Options
    {
        ModelPath = TinyUnclip.Path,
        InputFromTextColumnName = "Prompt",
        InputToTextColumnName = "OtherPrompt",
        InputFractionColumnName = "Fraction",
        InputSeedColumnName = "RowSeed",
        Generation = TinyUnclip.Quick,
        BatchSize = 3,
    };

    protected override string[] Inputs => ["Prompt", "OtherPrompt", "Fraction", "RowSeed"];

    protected override string[] Outputs => ["Image: Image"];

    protected override PipelineRow Broken => new() { Prompt = "beyond the end", Fraction = 1.5f };

    protected override IEnumerable<(string Message, GenerationOptions Generation)> Refused =>
    [
        .. base.Refused, .. RefusedSteps, ("PriorSteps must be between 1 and 1000", Generation with { Diffusion = new() { PriorSteps = 1001 } }),
        ("'Candidates' needs a prompt to choose among candidates by", Generation with { Candidates = 2 }),
    ];

    [Theory]
    [InlineData(-0.1f)]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void A_fraction_out_of_range_is_a_reason_in_its_row(float fraction)
    {
        Rows[1].Fraction = fraction;
        using var transformer = Create(Options with { ErrorColumnName = "Error" }).Fit(Load(Rows));
        var errors = ColumnText.Of(transformer.Transform(Load(Rows)), "Error");
        Assert.Equal([true, false, true, true], errors.Select(error => error.Length == 0));
        Assert.StartsWith("The fraction of the way in column 'Fraction' is ", errors[1], StringComparison.Ordinal);
    }

    protected override string[] Expected(DalleModel model) =>
        [.. Rows.Select((row, place) => ColumnText.Of(model.InterpolatePrompts(row.Prompt, row.OtherPrompt, frames: 5, row.RowSeed, TinyUnclip.Quick).ElementAt(place).Image))];

    protected override ComponentEstimator<DalleInterpolateTransformer> Create(ComponentOptions options) =>
        ML.Transforms.DalleInterpolate((DalleInterpolateEstimator.Options)options);
}
