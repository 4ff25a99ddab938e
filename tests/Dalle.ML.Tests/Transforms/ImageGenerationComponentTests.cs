using Dalle.ML.Engine;
using Dalle.ML.PipelineHost;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Transforms;

public sealed class DalleGenerateCandidatesTests : ComponentContract<DalleGenerateTransformer>
{
    private static readonly GenerationOptions Three = new() { Candidates = 3 };

    protected override ComponentOptions Options => new DalleGenerateEstimator.Options
    {
        ModelPath = TinyModel.Path,
        InputColumnName = "Prompt",
        InputSeedColumnName = "RowSeed",
        ScoreColumnName = "Score",
        CandidateTokensColumnName = "AllTokens",
        CandidateScoresColumnName = "Scores",
        CandidateSeedsColumnName = "Seeds",
        CandidateImagesColumnName = "Images",
        Generation = Three,
        BatchSize = 2,
    };

    protected override string[] Inputs => ["Prompt", "RowSeed"];

    protected override string[] Outputs =>
    [
        "Image: Image", "Score: Single", "AllTokens: Vector<Int32, 192>", "Scores: Vector<Single, 3>", "Seeds: Vector<UInt64, 3>", "Images: Vector<Byte, 49152>",
    ];

    protected override string[] Annotations =>
    [
        "Score ScoreColumnKind: Ranking", "Score ScoreValueKind: Score",
        "Scores ScoreColumnKind: Ranking", "Scores ScoreValueKind: Score", "Scores SlotNames: Candidate 0, Candidate 1, Candidate 2",
        "Seeds SlotNames: Candidate 0, Candidate 1, Candidate 2",
    ];

    [Fact]
    public void Candidates_are_the_engines_best_first_and_can_be_unrolled()
    {
        using var model = TinyModel.Load();
        var expected = Rows.SelectMany(row => model.GenerateCandidates(new GenerationRequest(row.Prompt, row.RowSeed), Three).OrderByDescending(image => image.Score)).ToArray();
        var view = Create(Options).Fit(Load(Rows)).Transform(Load(Rows));
        var unrolled = ML.Data.UnrollCandidates(view, new UnrollCandidatesOptions
        {
            InputScoresColumnName = "Scores",
            InputSeedsColumnName = "Seeds",
            InputTokensColumnName = "AllTokens",
            InputImagesColumnName = "Images",
        });
        Assert.Equal("Vector<Int32, 64>", unrolled.Schema["Tokens"].Type.ToString());
        Assert.Equal(["Score ScoreColumnKind: Ranking", "Score ScoreValueKind: Score"], unrolled.Schema.Skip(view.Schema.Count).SelectMany(ColumnText.OfAnnotations));
        var candidates = ML.Data.CreateEnumerable<Prediction>(unrolled, reuseRowObject: false, ignoreMissingColumns: true).ToArray();
        Assert.Equal(Prompts.SelectMany(prompt => Enumerable.Repeat(prompt, 3)), unrolled.GetColumn<string>("Prompt"));
        Assert.Equal([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2], unrolled.GetColumn<int>("Candidate"));
        Assert.Equal(expected.Select(image => image.Score), candidates.Select(row => row.Score));
        Assert.Equal(expected.Select(image => image.CandidateSeed), candidates.Select(row => row.Seed));
        Assert.Equal(expected.Select(image => image.Tokens), candidates.Select(row => row.Tokens));
        Assert.Equal(expected.Select(image => ColumnText.Of(image.Image)), candidates.Select(row => ColumnText.Of(row.Image)));
        Assert.Equal(expected.Chunk(3).Select(images => ColumnText.Of(images[0].Image)), ColumnText.Of(view, "Image"));
    }

    protected override ComponentEstimator<DalleGenerateTransformer> Create(ComponentOptions options) =>
        ML.Transforms.DalleGenerate((DalleGenerateEstimator.Options)options);
}

public sealed class DalleCompleteTests : ComponentContract<DalleCompleteTransformer>
{
    private static readonly GenerationOptions Quick = new() { Candidates = 1 };

    protected override ComponentOptions Options => new DalleCompleteEstimator.Options
    {
        ModelPath = TinyModel.Path,
        InputTextColumnName = "Prompt",
        InputImageColumnName = "Picture",
        Keep = new KeepRegion(Up: 2, Left: 1) { RectangleHeight = 4, RectangleWidth = 3 },
        SeedColumnName = "Seed",
        TokensColumnName = "Tokens",
        ScoreColumnName = "Score",
        Seed = 5,
        Generation = Quick,
        BatchSize = 3,
    };

    protected override string[] Inputs => ["Prompt", "Picture"];

    protected override string[] Outputs => ["Image: Image", "Seed: UInt64", "Tokens: Vector<Int32, 8, 8>", "Score: Single"];

    protected override string[] Annotations => ["Score ScoreColumnKind: Ranking", "Score ScoreValueKind: Score"];

    protected override PipelineRow Broken => new() { Prompt = "no picture" };

    [Theory]
    [InlineData("top:3")]
    [InlineData("rect:3x2")]
    [InlineData("up:1,left:1,right:1,down:1")]
    public void The_region_is_kept_and_the_rest_is_generated_as_by_the_engine(string region)
    {
        using var model = TinyModel.Load();
        var keep = KeepRegion.Parse(region);
        var data = Load(Rows);
        var expected = Prompts.Zip(data.GetColumn<MLImage>("Picture"), (prompt, image) => ColumnText.Of(model.Complete(prompt, image, keep, 5, Quick).Image));
        var pipeline = ML.Transforms.DalleComplete(new() { ModelPath = TinyModel.Path, InputTextColumnName = "Prompt", InputImageColumnName = "Picture", Keep = keep, Seed = 5, Generation = Quick });
        Assert.Equal(expected, ColumnText.Of(pipeline.Fit(data).Transform(data), "Image"));
    }

    [Fact]
    public void A_region_that_does_not_fit_is_refused_before_anything_is_generated()
    {
        using var folder = new TemporaryFolder();
        var bundle = folder.CopyOf(TinyModel.Path, "model");
        var pipeline = ML.Transforms.DalleComplete("Image", "Prompt", "Picture", KeepRegion.Top(8), modelPath: bundle);
        Assert.Throws<ArgumentOutOfRangeException>(() => pipeline.Fit(Load(Rows)));
        Assert.False(EngineHandle.IsOpen(bundle));
    }

    protected override ComponentEstimator<DalleCompleteTransformer> Create(ComponentOptions options) =>
        ML.Transforms.DalleComplete((DalleCompleteEstimator.Options)options);
}

public sealed class DalleReconstructTests : ComponentContract<DalleReconstructTransformer>
{
    protected override ComponentOptions Options => new DalleReconstructEstimator.Options { ModelPath = TinyModel.Path, InputColumnName = "Picture", TokensColumnName = "Tokens" };

    protected override string[] Inputs => ["Picture"];

    protected override string[] Outputs => ["Image: Image", "Tokens: Vector<Int32, 8, 8>"];

    protected override PipelineRow Broken => new();

    [Fact]
    public void Reconstructing_is_encoding_and_decoding()
    {
        var parts = ML.Transforms.EncodeImageTokens("Tokens", "Picture", modelPath: TinyModel.Path).Append(ML.Transforms.DecodeImageTokens("Image", "Tokens", modelPath: TinyModel.Path));
        Assert.Equal(
            ColumnText.Of(parts.Fit(Load(Rows)).Transform(Load(Rows)), "Image"),
            ColumnText.Of(ML.Transforms.DalleReconstruct("Image", "Picture", modelPath: TinyModel.Path).Fit(Load(Rows)).Transform(Load(Rows)), "Image"));
    }

    protected override ComponentEstimator<DalleReconstructTransformer> Create(ComponentOptions options) =>
        ML.Transforms.DalleReconstruct((DalleReconstructEstimator.Options)options);
}
