using Dalle.ML.PipelineHost;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Transforms;

/// <summary>Components of DALL·E 1 on a model of DALL·E 2: what it can do it does, what it cannot is refused by name.</summary>
public sealed class DiffusionGenerateTests : ComponentContract<DalleGenerateTransformer>
{
    protected override ComponentOptions Options => new DalleGenerateEstimator.Options
    {
        ModelPath = TinyUnclip.Path,
        InputColumnName = "Prompt",
        InputSeedColumnName = "RowSeed",
        ScoreColumnName = "Score",
        CandidateScoresColumnName = "Scores",
        CandidateSeedsColumnName = "Seeds",
        CandidateImagesColumnName = "Images",
        Generation = TinyUnclip.Quick with { Candidates = 2, Sampling = new() { GuidanceScale = 3 } },
        BatchSize = 2,
    };

    protected override string[] Inputs => ["Prompt", "RowSeed"];

    protected override string[] Outputs => ["Image: Image", "Score: Single", "Scores: Vector<Single, 2>", "Seeds: Vector<UInt64, 2>", "Images: Vector<Byte, 32768>"];

    protected override string[] Annotations =>
    [
        "Score ScoreColumnKind: Ranking", "Score ScoreValueKind: Score",
        "Scores ScoreColumnKind: Ranking", "Scores ScoreValueKind: Score", "Scores SlotNames: Candidate 0, Candidate 1",
        "Seeds SlotNames: Candidate 0, Candidate 1",
    ];

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Images_are_those_of_the_model_alone_and_in_batches(int batchSize)
    {
        using var model = TinyUnclip.Load();
        var options = (DalleGenerateEstimator.Options)Options with { BatchSize = batchSize };
        string[] expected = [.. Rows.Select(row => ColumnText.Of(model.Generate(row.Prompt, row.RowSeed, options.Generation).Image))];
        Assert.Equal(Rows.Length, expected.Distinct().Count());
        using var transformer = Create(options).Fit(Load(Rows));
        Assert.Equal(expected, ColumnText.Of(transformer.Transform(Load(Rows)), "Image"));
        Assert.Equal(expected, Rows.Select(row => ColumnText.Of(transformer.Transform(Load(row)), "Image").Single()));
    }

    [Fact]
    public void Candidates_can_be_ranked_again_by_their_pixels()
    {
        using var transformer = Create(Options).Fit(Load(Rows));
        var generated = transformer.Transform(Load(Rows));
        var ranked = ML.Transforms.ClipRank(new() { ModelPath = TinyUnclip.Path, InputTextColumnName = "Prompt", InputImagesColumnName = "Images", OutputColumnName = "Best" });
        Assert.Equal(ColumnText.Of(generated, "Image"), ColumnText.Of(ranked.Fit(generated).Transform(generated), "Best"));
        var prompts = ML.Transforms.TokenizePrompt("Ids", "Prompt", modelPath: TinyUnclip.Path).Fit(generated).Transform(generated);
        Assert.Equal(77, Assert.IsType<VectorDataViewType>(prompts.Schema["Ids"].Type).Size);
        Assert.All(prompts.GetColumn<int[]>("Ids"), ids => Assert.Equal(77, ids.Length));
    }

    [Fact]
    public void Tokens_are_refused_by_name_before_a_row_is_read()
    {
        Refuse("'TokensColumnName' is for models that sample image tokens; 'karlo-tiny' is a diffusion model.", Create((DalleGenerateEstimator.Options)Options with { TokensColumnName = "Tokens" }));
        Refuse("'CandidateTokensColumnName' is for models that sample image tokens", Create((DalleGenerateEstimator.Options)Options with { CandidateTokensColumnName = "AllTokens" }));
        Refuse("'Temperature' is for models", Create((DalleGenerateEstimator.Options)Options with { Generation = new() { Sampling = new() { Temperature = 1 } } }));
        Refuse("The model 'karlo-tiny' cannot generate image tokens", ML.Transforms.GenerateImageTokens("Tokens", "Prompt", modelPath: TinyUnclip.Path));
        Refuse("The model 'karlo-tiny' has no image encoder", ML.Transforms.EncodeImageTokens("Tokens", "Picture", modelPath: TinyUnclip.Path));
        Refuse("The model 'karlo-tiny' has no image tokens", ML.Transforms.DecodeImageTokens("Image", "Codes", modelPath: TinyUnclip.Path));
        Refuse("The model 'karlo-tiny' has no image tokens to keep. Keep a part of an image by a mask, with DalleInpaint.", ML.Transforms.DalleComplete("Image", "Prompt", "Picture", KeepRegion.Top(1), modelPath: TinyUnclip.Path));
        Refuse("The model 'karlo-tiny' has no image tokens. Give the candidates as images", ML.Transforms.ClipRank("Image", "Prompt", "Codes", modelPath: TinyUnclip.Path));
        Refuse("'PriorSteps' is for DALL·E 2 models; 'tiny-64' samples image tokens.", ML.Transforms.DalleGenerate(new DalleGenerateEstimator.Options { ModelPath = TinyModel.Path, InputColumnName = "Prompt", Generation = TinyUnclip.Quick }));

        void Refuse<T>(string message, ComponentEstimator<T> estimator)
            where T : ComponentTransformer =>
            Assert.StartsWith(message, Assert.ThrowsAny<NotSupportedException>(() => estimator.Fit(Load(Rows))).Message, StringComparison.Ordinal);
    }

    protected override ComponentEstimator<DalleGenerateTransformer> Create(ComponentOptions options) =>
        ML.Transforms.DalleGenerate((DalleGenerateEstimator.Options)options);
}
