using Dalle.ML.Engine;
using Dalle.ML.PipelineHost;
using Dalle.ML.Transforms;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Transforms;

/// <summary>What components of DALL·E 2 have in common beside the contract of all.</summary>
public abstract class Dalle2ComponentTests<TTransformer> : ComponentContract<TTransformer>
    where TTransformer : ComponentTransformer
{
    /// <summary>What the model itself makes of the rows, as <see cref="ColumnText"/> has it.</summary>
    protected abstract string[] Expected(DalleModel model);

    /// <summary>The first of the columns that are made.</summary>
    private string Output => Outputs[0].Split(':')[0];

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Rows_are_what_the_model_makes_of_them_alone_and_in_batches(int batchSize)
    {
        using var model = TinyUnclip.Load();
        var expected = Expected(model);
        Assert.Equal(Rows.Length, expected.Distinct().Count());
        using var transformer = Create(((GenerationComponentOptions)Options) with { BatchSize = batchSize }).Fit(Load(Rows));
        Assert.Equal(expected, ColumnText.Of(transformer.Transform(Load(Rows)), Output));
        Assert.Equal(expected, Rows.Select(row => ColumnText.Of(transformer.Transform(Load(row)), Output).Single()));
    }

    [Fact]
    public void Another_model_is_refused_by_name_with_what_is_needed()
    {
        using var folder = new TemporaryFolder();
        var bundle = folder.CopyOf(TinyModel.Path, "model");
        var error = Assert.Throws<NotSupportedException>(() => Create(Options with { ModelPath = bundle }).Fit(Load(Rows)));
        Assert.Equal(
            "The model 'tiny-64' is not one of DALL·E 2, which this component needs. Set ModelPath to a bundle of the family 'karlo' or 'dalle2-pytorch'.", error.Message);
        Assert.False(EngineHandle.IsOpen(bundle));
    }

    [Fact]
    public void Options_that_it_cannot_honour_are_refused_by_name_before_a_row_is_read()
    {
        foreach (var (message, generation) in Refused)
        {
            var error = Assert.ThrowsAny<Exception>(() => Create((GenerationComponentOptions)Options with { Generation = generation }).Fit(Load(Rows)));
            Assert.True(error is NotSupportedException or ArgumentOutOfRangeException, error.ToString());
            Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>Options of generation and the beginnings of the messages that refuse them.</summary>
    protected virtual IEnumerable<(string Message, GenerationOptions Generation)> Refused =>
    [
        ("'Temperature' is for models that sample image tokens; 'karlo-tiny' is a diffusion model.", Generation with { Sampling = new() { Temperature = 0.5f } }),
        ("'TopK' is for models that sample image tokens", Generation with { Sampling = new() { TopK = 5 } }),
        ("'TopP' is for models that sample image tokens", Generation with { Sampling = new() { TopP = 0.5f } }),
    ];

    protected GenerationOptions Generation => ((GenerationComponentOptions)Options).Generation;

    protected IEnumerable<(string Message, GenerationOptions Generation)> RefusedSteps =>
    [
        ("DecoderSteps must be between 1 and 1000 for the model 'karlo-tiny'", Generation with { Diffusion = new() { DecoderSteps = 1001 } }),
        ("UpsamplerSteps must be between 1 and 1000", Generation with { Diffusion = new() { UpsamplerSteps = 1001 } }),
    ];

    protected IEnumerable<(string Message, GenerationOptions Generation)> RefusedWithoutPrior =>
    [
        ("'Candidates' needs a prompt to choose among candidates by", Generation with { Candidates = 2 }),
        ("'PriorSteps' is for the prior, which does not run here", Generation with { Diffusion = new() { PriorSteps = 2 } }),
        ("'PriorGuidance' is for the prior, which does not run here", Generation with { Diffusion = new() { PriorGuidance = 2 } }),
        .. RefusedSteps,
    ];

    /// <summary>The model's image of each row.</summary>
    protected string[] Images(Func<PipelineRow, GeneratedImage> generate) => [.. Rows.Select(row =>
    {
        using var image = generate(row);
        return ColumnText.Of(image.Image);
    })];

    /// <summary>What is made of a row's picture. It is ML.NET's, which disposes it.</summary>
    protected T OfPicture<T>(PipelineRow row, Func<MLImage, T> use) => Load(row).GetColumn<MLImage>("Picture").Select(use).Single();

    /// <summary>What is made of a row's picture and of another column of images.</summary>
    protected T OfPictures<T>(PipelineRow row, string other, Func<MLImage, MLImage, T> use) =>
        Load(row).GetColumn<MLImage>("Picture").Zip(Load(row).GetColumn<MLImage>(other), use).Single();
}
