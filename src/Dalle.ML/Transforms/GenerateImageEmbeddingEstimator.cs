using Dalle.ML.Transforms.Rows;
using Microsoft.ML;

namespace Dalle.ML.Transforms;

/// <summary>Makes an image embedding from each text, by the prior of a DALL·E 2 model (Ramesh et al. 2022).</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// |  |  |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No |
/// | Input column data type | Text |
/// | Output column data type | Vector of Single [image embedding dimension] |
/// | Required NuGet in addition to Microsoft.ML | Dalle.ML, and Microsoft.ML.OnnxRuntime or Microsoft.ML.OnnxRuntime.Gpu |
/// | Exportable to ONNX | No |
///
/// The embedding is the one that DalleGenerate makes the image of the same text and seed from; DecodeImageEmbedding turns it into an image. It is not
/// that of ClipEmbedText, and its length is not 1.
/// ]]></format>
/// </remarks>
public sealed class GenerateImageEmbeddingEstimator : ComponentEstimator<GenerateImageEmbeddingTransformer>
{
    internal GenerateImageEmbeddingEstimator(TransformsCatalog catalog, Options options)
        : base(catalog, options)
    {
    }

    /// <summary>Options of <see cref="GenerateImageEmbeddingEstimator"/>.</summary>
    public sealed record Options : GenerationComponentOptions
    {
        /// <summary>Name of the text column; <see cref="OutputColumnName"/> if null.</summary>
        public string? InputColumnName { get; init; }

        /// <summary>Name of the column of embeddings to make, Single [image embedding dimension].</summary>
        public string OutputColumnName { get; init; } = "ImageEmbedding";

        /// <summary>Name of a column to make with the seed, UInt64, that generates the row's embedding again; none if null.</summary>
        public string? SeedColumnName { get; init; }

        internal override RowComponent CreateComponent() => new GenerateImageEmbeddingComponent(this);

        internal override ComponentTransformer CreateTransformer(RowRunner runner) => new GenerateImageEmbeddingTransformer(runner);
    }
}

/// <summary>Makes image embeddings from a column of text, lazily. Made by <see cref="GenerateImageEmbeddingEstimator"/>.</summary>
public sealed class GenerateImageEmbeddingTransformer : ComponentTransformer
{
    internal GenerateImageEmbeddingTransformer(RowRunner runner)
        : base(runner)
    {
    }
}

internal sealed class GenerateImageEmbeddingComponent(GenerateImageEmbeddingEstimator.Options options) : RowComponent
{
    public override IEnumerable<InputColumn> Inputs =>
    [
        new(options.InputColumnName ?? options.OutputColumnName, nameof(options.InputColumnName), RowField.Text),
        .. options.SeedInput,
    ];

    public override IEnumerable<OutputColumn> Outputs =>
    [
        new(options.OutputColumnName, ResultField.Embedding, model => [model.ImageEmbeddingDimension]),
        new(options.SeedColumnName, ResultField.Seed),
    ];

    public override int BatchSize => options.BatchSize;

    public override void Check(DalleModelInfo model)
    {
        RequireDalle2(model);
        RequirePrior(model);
        var (generation, diffusion) = (options.Generation, options.Generation.Diffusion);
        Refuse(generation.Candidates > 1, nameof(generation.Candidates), "is for components that make images. Make rows with other seeds");
        Refuse(generation.FirstCandidate > 0, nameof(generation.FirstCandidate), "is for components that make images");
        Refuse(generation.Sampling.GuidanceScale is not null, nameof(generation.Sampling.GuidanceScale), "is for the decoder, which does not run here; the prior's is 'PriorGuidance'");
        Refuse(diffusion.DecoderSteps is not null, nameof(diffusion.DecoderSteps), "is for the decoder, which does not run here");
        Refuse(diffusion.UpsamplerSteps is not null, nameof(diffusion.UpsamplerSteps), "is for the decoder, which does not run here");
    }

    public override IEnumerable<string> Prompts(Row row) => [row.Text];

    public override IEnumerable<RowResult> Run(DalleModel model, IReadOnlyList<Row> rows)
    {
        var requests = rows.Select(row => new GenerationRequest(row.Text, options.SeedOf(row))).ToArray();
        return model.GenerateImageEmbeddings(requests, options.Generation, options.Progress, options.CancellationToken)
            .Zip(requests, (embedding, request) => new RowResult { Embedding = embedding, Seed = request.Seed });
    }
}
