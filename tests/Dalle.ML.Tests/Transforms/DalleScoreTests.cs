using Dalle.ML.PipelineHost;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Transforms;

public sealed class DalleScoreTests : ComponentContract<DalleScoreTransformer>
{
    protected override ComponentOptions Options => new DalleScoreEstimator.Options { ModelPath = TinyModel.Path, InputTextColumnName = "Prompt", InputImageColumnName = "Picture", PerplexityColumnName = "Perplexity" };

    protected override string[] Inputs => ["Prompt", "Picture"];

    protected override string[] Outputs => ["Score: Single", "Perplexity: Single"];

    protected override string[] Annotations => ["Score ScoreColumnKind: Ranking", "Score ScoreValueKind: Score"];

    protected override PipelineRow Broken => new() { Prompt = "no picture" };

    [Fact]
    public void Scores_are_the_models()
    {
        using var model = TinyModel.Load();
        var view = ML.Transforms.DalleScore("Score", "Prompt", "Picture", modelPath: TinyModel.Path).Fit(Load(Rows)).Transform(Load(Rows));
        Assert.Equal(Prompts.Zip(Load(Rows).GetColumn<MLImage>("Picture"), (text, image) => (float)model.LogLikelihood(text, image)), view.GetColumn<float>("Score"));
    }

    [Fact]
    public void Perplexities_are_the_models()
    {
        using var model = TinyModel.Load();
        var options = new DalleScoreEstimator.Options { ModelPath = TinyModel.Path, InputTextColumnName = "Prompt", InputImageColumnName = "Picture", PerplexityColumnName = "Perplexity" };
        var view = ML.Transforms.DalleScore(options).Fit(Load(Rows)).Transform(Load(Rows));
        Assert.Equal(Prompts.Zip(Load(Rows).GetColumn<MLImage>("Picture"), (text, image) => model.Perplexity(text, image)), view.GetColumn<float>("Perplexity"));
    }

    [Fact]
    public void A_model_that_only_compares_is_refused()
    {
        var error = Assert.ThrowsAny<Exception>(() => ML.Transforms.DalleScore("Score", "Prompt", "Picture", modelPath: TinyUpscaler.Path).Fit(Load(Rows)));
        Assert.Contains("has no transformer", error.Message, StringComparison.Ordinal);
    }

    protected override ComponentEstimator<DalleScoreTransformer> Create(ComponentOptions options) =>
        ML.Transforms.DalleScore((DalleScoreEstimator.Options)options);
}
