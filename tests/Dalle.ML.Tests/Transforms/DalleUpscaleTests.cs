using Dalle.ML.PipelineHost;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Transforms;

public sealed class DalleUpscaleTests : ComponentContract<DalleUpscaleTransformer>
{
    protected override ComponentOptions Options => new DalleUpscaleEstimator.Options { ModelPath = TinyUpscaler.Path, InputColumnName = "Picture", OutputColumnName = "Image" };

    protected override string[] Inputs => ["Picture"];

    protected override string[] Outputs => ["Image: Image"];

    protected override PipelineRow Broken => new() { Prompt = "nothing" };

    [Fact]
    public void Images_of_any_size_are_enlarged()
    {
        using var model = DalleModel.Load(TinyUpscaler.Path);
        var images = ML.Transforms.DalleUpscale("Large", "Picture", modelPath: TinyUpscaler.Path).Fit(Load(Rows)).Transform(Load(Rows)).GetColumn<MLImage>("Large").ToArray();
        Assert.Equal(Load(Rows).GetColumn<MLImage>("Picture").Select(image => (4 * image.Width, 4 * image.Height)), images.Select(image => (image.Width, image.Height)));
        Assert.Equal(Load(Rows).GetColumn<MLImage>("Picture").Select(image => ColumnText.Of(model.Upscale(image))), images.Select(ColumnText.Of));
    }

    [Fact]
    public void A_model_without_an_upscaler_is_refused()
    {
        var error = Assert.Throws<NotSupportedException>(() => ML.Transforms.DalleUpscale("Large", "Picture", modelPath: TinyModel.Path).Fit(Load(Rows)));
        Assert.Contains("has no upscaler", error.Message, StringComparison.Ordinal);
    }

    protected override ComponentEstimator<DalleUpscaleTransformer> Create(ComponentOptions options) =>
        ML.Transforms.DalleUpscale((DalleUpscaleEstimator.Options)options);
}
