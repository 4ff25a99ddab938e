using Dalle.ML.PipelineHost;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Transforms;

public sealed class ExtractImageFeaturesTests : ComponentContract<ExtractImageFeaturesTransformer>
{
    protected override ComponentOptions Options =>
        new ExtractImageFeaturesEstimator.Options { ModelPath = TinyFeatures.Path, InputColumnName = "Picture", LogitsColumnName = "Logits" };

    protected override string[] Inputs => ["Picture"];

    protected override string[] Outputs => ["Features: Vector<Single, 32>", "Logits: Vector<Single, 10>"];

    protected override PipelineRow Broken => new() { Prompt = "nothing" };

    [Fact]
    public void Features_are_the_engines()
    {
        using var model = DalleModel.Load(TinyFeatures.Path);
        var view = Create(Options).Fit(Load(Rows)).Transform(Load(Rows));
        var expected = Load(Rows).GetColumn<MLImage>("Picture").Select(model.ExtractFeatures).ToArray();
        Assert.Equal(expected.Select(each => each.Features), view.GetColumn<float[]>("Features"));
        Assert.Equal(expected.Select(each => each.Logits), view.GetColumn<float[]>("Logits"));
        Assert.Equal(expected.Length, expected.Select(each => each.Logits[0]).Distinct().Count());
    }

    [Fact]
    public void A_model_without_features_is_refused()
    {
        var error = Assert.Throws<NotSupportedException>(() => ML.Transforms.ExtractImageFeatures("Features", "Picture", modelPath: TinyModel.Path).Fit(Load(Rows)));
        Assert.Contains("has no features of images", error.Message, StringComparison.Ordinal);
    }

    protected override ComponentEstimator<ExtractImageFeaturesTransformer> Create(ComponentOptions options) =>
        ML.Transforms.ExtractImageFeatures((ExtractImageFeaturesEstimator.Options)options);
}
