using Dalle.ML.PipelineHost;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Transforms;

public sealed class CompleteTextTests : ComponentContract<CompleteTextTransformer>
{
    private static readonly SamplingOptions Hot = new() { Temperature = 1, TopK = 500 };

    protected override ComponentOptions Options => new CompleteTextEstimator.Options
    {
        ModelPath = TinyModel.Path,
        InputColumnName = "Prompt",
        InputSeedColumnName = "RowSeed",
        OutputColumnName = "Caption",
        TokensColumnName = "CaptionTokens",
        Sampling = Hot,
        BatchSize = 3,
    };

    protected override string[] Inputs => ["Prompt", "RowSeed"];

    protected override string[] Outputs => ["Caption: String", "CaptionTokens: Vector<Int32, 24>"];

    protected override PipelineRow Broken => new() { Prompt = "" };

    [Fact]
    public void Texts_are_the_models()
    {
        using var model = TinyModel.Load();
        var view = Create(Options).Fit(Load(Rows)).Transform(Load(Rows));
        var expected = Rows.Select(row => model.CompleteText(row.Prompt, row.RowSeed, Hot)).ToArray();
        Assert.Equal(expected.Select(text => text.Text), view.GetColumn<string>("Caption"));
        Assert.Equal(expected.Select(text => text.Tokens), view.GetColumn<int[]>("CaptionTokens"));
    }

    [Fact]
    public void The_short_form_has_the_seed_of_the_context()
    {
        using var model = TinyModel.Load();
        var view = ML.Transforms.CompleteText("Prompt", modelPath: TinyModel.Path).Fit(Load(Rows)).Transform(Load(Rows));
        Assert.Equal(Prompts.Select(prompt => model.CompleteText(prompt, seed: 1).Text), view.GetColumn<string>("Prompt"));
    }

    [Fact]
    public void What_cannot_be_completed_is_refused()
    {
        var silent = Assert.Throws<NotSupportedException>(() => ML.Transforms.CompleteText("Prompt", modelPath: TinyModel.PathWithoutText).Fit(Load(Rows)));
        Assert.Contains("'tiny-64' does not complete text", silent.Message, StringComparison.Ordinal);
        var guided = (CompleteTextEstimator.Options)Options with { Sampling = new() { GuidanceScale = 2 } };
        Assert.Contains("without guidance", Assert.Throws<DalleOptionException>(() => Create(guided).Fit(Load(Rows))).Message, StringComparison.Ordinal);
    }

    protected override ComponentEstimator<CompleteTextTransformer> Create(ComponentOptions options) =>
        ML.Transforms.CompleteText((CompleteTextEstimator.Options)options);
}
