using Dalle.ML.Transforms.Rows;
using Microsoft.ML;

namespace Dalle.ML.Transforms;

/// <summary>Decodes a column of image embeddings into images, by the decoder of a DALL·E 2 model (Ramesh et al. 2022).</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// |  |  |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No |
/// | Input column data type | Vector of Single [image embedding dimension]; optionally text |
/// | Output column data type | <xref:Microsoft.ML.Data.MLImage> |
/// | Required NuGet in addition to Microsoft.ML | Dalle.ML, and Microsoft.ML.OnnxRuntime or Microsoft.ML.OnnxRuntime.Gpu |
/// | Exportable to ONNX | No |
///
/// Embeddings come from GenerateImageEmbedding, or from DalleModel.EncodeImageEmbedding for images; those of ClipEmbedImage have another
/// length. With the text and seed that an embedding was made from, the image is that of DalleGenerate.
///
/// Each read of an image returns a copy, which the reader must dispose. Cache and ShuffleRows of ML.NET drop image columns without a
/// warning: cache or shuffle before this step.
/// ]]></format>
/// </remarks>
public sealed class DecodeImageEmbeddingEstimator : ComponentEstimator<DecodeImageEmbeddingTransformer>
{
    internal DecodeImageEmbeddingEstimator(TransformsCatalog catalog, Options options)
        : base(catalog, options)
    {
    }

    /// <summary>Options of <see cref="DecodeImageEmbeddingEstimator"/>.</summary>
    public sealed record Options : ImageDecodingOptions
    {
        /// <summary>Name of the column of image embeddings; <see cref="ImageDecodingOptions.OutputColumnName"/> if null.</summary>
        public string? InputColumnName { get; init; }

        /// <summary>Name of a text column that decoders that read text see too; none if null.</summary>
        public string? InputTextColumnName { get; init; }

        internal override RowComponent CreateComponent() => new DecodeImageEmbeddingComponent(this);

        internal override ComponentTransformer CreateTransformer(RowRunner runner) => new DecodeImageEmbeddingTransformer(runner);
    }
}

/// <summary>Decodes a column of image embeddings into images, lazily. Made by <see cref="DecodeImageEmbeddingEstimator"/>.</summary>
public sealed class DecodeImageEmbeddingTransformer : ComponentTransformer
{
    internal DecodeImageEmbeddingTransformer(RowRunner runner)
        : base(runner)
    {
    }
}

internal sealed class DecodeImageEmbeddingComponent(DecodeImageEmbeddingEstimator.Options options) : ImageDecodingComponent(options)
{
    public override IEnumerable<InputColumn> Inputs
    {
        get
        {
            yield return new InputColumn(options.InputColumnName ?? options.OutputColumnName, nameof(options.InputColumnName), RowField.ImageEmbedding);
            if (options.InputTextColumnName is { } text)
                yield return new InputColumn(text, nameof(options.InputTextColumnName), RowField.Text);
            foreach (var seed in options.SeedInput)
                yield return seed;
        }
    }

    public override void Check(DalleModelInfo model)
    {
        base.Check(model);
        Refuse(options.InputTextColumnName is not null && model.TextLength == 0, nameof(options.InputTextColumnName), $"is for models that read text; '{model.Name}' does not");
    }

    public override IEnumerable<string> Prompts(Row row) => options.InputTextColumnName is null ? [] : [row.Text];

    protected override IEnumerable<GenerationRequest> Requests(DalleModel model, Row row, IProgress<GenerationProgress>? progress) =>
        [model.DecodingOf(row.ImageEmbedding, options.SeedOf(row), row.Text)];
}
