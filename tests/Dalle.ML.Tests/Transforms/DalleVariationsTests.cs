using Dalle.ML.PipelineHost;
using Dalle.ML.Transforms;
using Microsoft.ML;

namespace Dalle.ML.Tests.Transforms;

public sealed class DalleVariationsTests : Dalle2ComponentTests<DalleVariationsTransformer>
{
    protected override ComponentOptions Options => new DalleVariationsEstimator.Options
    {
        ModelPath = TinyUnclip.Path,
        InputColumnName = "Picture",
        InputSeedColumnName = "RowSeed",
        SeedColumnName = "Seed",
        Generation = TinyUnclip.QuickDecoder,
        BatchSize = 3,
    };

    protected override string[] Inputs => ["Picture", "RowSeed"];

    protected override string[] Outputs => ["Image: Image", "Seed: UInt64"];

    protected override PipelineRow Broken => new() { Prompt = "no picture" };

    protected override IEnumerable<(string Message, GenerationOptions Generation)> Refused => base.Refused.Concat(RefusedWithoutPrior);

    [Fact]
    public void Strength_starts_from_the_image_and_is_saved()
    {
        var options = (DalleVariationsEstimator.Options)Options with { Strength = 0.5f };
        using var model = TinyUnclip.Load();
        var expected = Images(row => OfPicture(row, picture => model.Vary(picture, row.RowSeed, strength: 0.5f, TinyUnclip.QuickDecoder)));
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "pipeline.zip");
        using var fitted = Create(options).Fit(Load(Rows));
        ML.Model.Save(fitted, Load(Rows).Schema, path);
        Assert.Equal(expected, ColumnText.Of(fitted.Transform(Load(Rows)), "Image"));
        Assert.Equal(expected, ColumnText.Of(ML.Model.LoadDalle(path, out _).Transform(Load(Rows)), "Image"));
        Assert.NotEqual(expected, Expected(model));
        Assert.Throws<ArgumentOutOfRangeException>("Strength", () => options with { Strength = 1.5f });
        Assert.Throws<ArgumentOutOfRangeException>("Strength", () => options with { Strength = float.NaN });
    }

    protected override string[] Expected(DalleModel model) =>
        Images(row => OfPicture(row, picture => model.Vary(picture, row.RowSeed, options: TinyUnclip.QuickDecoder)));

    protected override ComponentEstimator<DalleVariationsTransformer> Create(ComponentOptions options) =>
        ML.Transforms.DalleVariations((DalleVariationsEstimator.Options)options);
}
