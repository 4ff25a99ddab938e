using Dalle.ML.Transforms.Rows;
using Microsoft.ML;

namespace Dalle.ML.Transforms;

/// <summary>Turns a column of images into CLIP embeddings, in the same space as those of texts (Radford et al. 2021).</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// |  |  |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No |
/// | Input column data type | <xref:Microsoft.ML.Data.MLImage> |
/// | Output column data type | Vector of Single [embedding length] |
/// | Required NuGet in addition to Microsoft.ML | Dalle.ML, and Microsoft.ML.OnnxRuntime or Microsoft.ML.OnnxRuntime.Gpu |
/// | Exportable to ONNX | No |
///
/// The vectors have length 1: the dot product of two, times the model's scale, is the CLIP score. Images may have any size.
///
/// Input images are copied while a row is processed and remain the property of their column, which disposes them as ML.NET's LoadImages and ResizeImages do.
/// Cache and ShuffleRows of ML.NET drop image columns without a warning: cache or shuffle before LoadImages, or after this step.
/// ]]></format>
/// </remarks>
public sealed class ClipEmbedImageEstimator : ComponentEstimator<ClipEmbedImageTransformer>
{
    internal ClipEmbedImageEstimator(TransformsCatalog catalog, Options options)
        : base(catalog, options)
    {
    }

    /// <summary>Options of <see cref="ClipEmbedImageEstimator"/>.</summary>
    public sealed record Options : ComponentOptions
    {
        /// <summary>Name of the image column; <see cref="OutputColumnName"/> if null.</summary>
        public string? InputColumnName { get; init; }

        /// <summary>Name of the column of embeddings to make, Single [embedding length].</summary>
        public string OutputColumnName { get; init; } = "Embedding";

        internal override RowComponent CreateComponent() => new ClipEmbedImageComponent(this);

        internal override ComponentTransformer CreateTransformer(RowRunner runner) => new ClipEmbedImageTransformer(runner);
    }
}

/// <summary>Turns a column of images into embeddings, lazily. Made by <see cref="ClipEmbedImageEstimator"/>.</summary>
public sealed class ClipEmbedImageTransformer : ComponentTransformer
{
    internal ClipEmbedImageTransformer(RowRunner runner)
        : base(runner)
    {
    }
}

internal sealed class ClipEmbedImageComponent(ClipEmbedImageEstimator.Options options) : RowComponent
{
    public override IEnumerable<InputColumn> Inputs =>
        [new(options.InputColumnName ?? options.OutputColumnName, nameof(options.InputColumnName), RowField.Image)];

    public override IEnumerable<OutputColumn> Outputs =>
        [new(options.OutputColumnName, ResultField.Embedding, model => [model.EmbeddingDimension])];

    public override void Check(DalleModelInfo model) => Require(model.HasClip, model, "has no CLIP");

    public override IEnumerable<RowResult> Run(DalleModel model, IReadOnlyList<Row> rows) =>
        rows.Select(row => new RowResult { Embedding = model.EmbedImage(row.Image!) });
}
