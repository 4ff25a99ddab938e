using System.Globalization;
using Dalle.ML.PipelineHost;
using Dalle.ML.Transforms;
using Microsoft.ML;

namespace Dalle.ML.Tests.Transforms;

public sealed class GenerateImageEmbeddingTests : Dalle2ComponentTests<GenerateImageEmbeddingTransformer>
{
    private static readonly GenerationOptions Prior = new() { Diffusion = new() { PriorSteps = 2 } };

    protected override ComponentOptions Options => new GenerateImageEmbeddingEstimator.Options
    {
        ModelPath = TinyUnclip.Path,
        InputColumnName = "Prompt",
        InputSeedColumnName = "RowSeed",
        OutputColumnName = "Embedding",
        SeedColumnName = "Seed",
        Generation = Prior,
        BatchSize = 3,
    };

    protected override string[] Inputs => ["Prompt", "RowSeed"];

    protected override string[] Outputs => ["Embedding: Vector<Single, 64>", "Seed: UInt64"];

    protected override IEnumerable<(string Message, GenerationOptions Generation)> Refused =>
    [
        .. base.Refused,
        ("PriorSteps must be between 1 and 1000", Prior with { Diffusion = new() { PriorSteps = 1001 } }),
        ("'DecoderSteps' is for the decoder, which does not run here", Prior with { Diffusion = new() { DecoderSteps = 2 } }),
        ("'UpsamplerSteps' is for the decoder, which does not run here", Prior with { Diffusion = new() { UpsamplerSteps = 2 } }),
        ("'GuidanceScale' is for the decoder, which does not run here; the prior's is 'PriorGuidance'.", Prior with { Sampling = new() { GuidanceScale = 2 } }),
        ("'Candidates' is for components that make images", Prior with { Candidates = 2 }),
        ("'FirstCandidate' is for components that make images", Prior with { FirstCandidate = 2 }),
    ];

    [Fact]
    public void Generating_and_decoding_an_embedding_is_generating_an_image()
    {
        var parts = Create(Options).Append(ML.Transforms.DecodeImageEmbedding(new()
        {
            ModelPath = TinyUnclip.Path,
            InputColumnName = "Embedding",
            InputTextColumnName = "Prompt",
            InputSeedColumnName = "RowSeed",
            Generation = TinyUnclip.QuickDecoder,
        }));
        var whole = ML.Transforms.DalleGenerate(new DalleGenerateEstimator.Options
        {
            ModelPath = TinyUnclip.Path,
            InputColumnName = "Prompt",
            InputSeedColumnName = "RowSeed",
            Generation = TinyUnclip.Quick,
        });
        Assert.Equal(ColumnText.Of(whole.Fit(Load(Rows)).Transform(Load(Rows)), "Image"), ColumnText.Of(parts.Fit(Load(Rows)).Transform(Load(Rows)), "Image"));
    }

    protected override string[] Expected(DalleModel model) =>
        [.. Rows.Select(row => string.Join(',', model.GenerateImageEmbedding(row.Prompt, row.RowSeed, Prior).Select(value => value.ToString("R", CultureInfo.InvariantCulture))))];

    protected override ComponentEstimator<GenerateImageEmbeddingTransformer> Create(ComponentOptions options) =>
        ML.Transforms.GenerateImageEmbedding((GenerateImageEmbeddingEstimator.Options)options);
}

public sealed class DecodeImageEmbeddingTests : Dalle2ComponentTests<DecodeImageEmbeddingTransformer>
{
    protected override ComponentOptions Options => new DecodeImageEmbeddingEstimator.Options
    {
        ModelPath = TinyUnclip.Path,
        InputColumnName = "ImageEmbedding",
        InputTextColumnName = "Prompt",
        SeedColumnName = "Seed",
        Seed = 5,
        Generation = TinyUnclip.QuickDecoder,
        BatchSize = 3,
    };

    protected override string[] Inputs => ["ImageEmbedding", "Prompt"];

    protected override string[] Outputs => ["Image: Image", "Seed: UInt64"];

    protected override PipelineRow Broken => new() { Prompt = "too short", ImageEmbedding = [1, 2, 3] };

    protected override IEnumerable<(string Message, GenerationOptions Generation)> Refused => base.Refused.Concat(RefusedWithoutPrior);

    [Fact]
    public void Embeddings_that_are_not_are_reasons_in_their_rows()
    {
        Rows[0].ImageEmbedding = [.. Rows[0].ImageEmbedding, 1];
        Rows[1].ImageEmbedding[3] = float.NaN;
        Rows[2].ImageEmbedding = [];
        using var transformer = Create(Options with { ErrorColumnName = "Error" }).Fit(Load(Rows));
        Assert.Collection(
            ColumnText.Of(transformer.Transform(Load(Rows)), "Error"),
            error => Assert.StartsWith("The embedding has 65 values; those of the model 'karlo-tiny' have 64.", error, StringComparison.Ordinal),
            error => Assert.StartsWith("The embedding has a value that is not finite.", error, StringComparison.Ordinal),
            error => Assert.StartsWith("The embedding has 0 values", error, StringComparison.Ordinal),
            Assert.Empty);
    }

    [Fact]
    public void The_text_makes_a_difference_to_a_decoder_that_reads_it()
    {
        using var model = TinyUnclip.Load();
        using var transformer = Create((DecodeImageEmbeddingEstimator.Options)Options with { InputTextColumnName = null }).Fit(Load(Rows));
        var images = ColumnText.Of(transformer.Transform(Load(Rows)), "Image");
        Assert.Equal(Images(row => model.DecodeImageEmbedding(row.ImageEmbedding, seed: 5, options: TinyUnclip.QuickDecoder)), images);
        Assert.NotEqual(Expected(model), images);
    }

    protected override string[] Expected(DalleModel model) => Images(row => model.DecodeImageEmbedding(row.ImageEmbedding, seed: 5, row.Prompt, TinyUnclip.QuickDecoder));

    protected override ComponentEstimator<DecodeImageEmbeddingTransformer> Create(ComponentOptions options) =>
        ML.Transforms.DecodeImageEmbedding((DecodeImageEmbeddingEstimator.Options)options);
}
