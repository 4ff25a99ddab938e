using Dalle.ML.Transforms.Rows;
using Microsoft.ML;

namespace Dalle.ML.Transforms;

/// <summary>Turns a column of images into features by a network such as Inception (Szegedy et al. 2015), which metrics of images compare.</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// |  |  |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No |
/// | Input column data type | <xref:Microsoft.ML.Data.MLImage> |
/// | Output column data type | Vector of Single [features] |
/// | Required NuGet in addition to Microsoft.ML | Dalle.ML, and Microsoft.ML.OnnxRuntime or Microsoft.ML.OnnxRuntime.Gpu |
/// | Exportable to ONNX | No |
///
/// Images may have any size; they are resized as the model's bundle says, whatever that does to their proportions. FID, KID, precision and recall take the
/// features, the Inception Score takes the logits: EvaluateFeatures of the package Dalle.ML.Evaluation computes them from such columns.
///
/// Input images are copied while a row is processed and remain the property of their column, which disposes them as ML.NET's LoadImages and ResizeImages do.
/// Cache and ShuffleRows of ML.NET drop image columns without a warning: cache or shuffle before LoadImages, or after this step.
/// ]]></format>
/// </remarks>
public sealed class ExtractImageFeaturesEstimator : ComponentEstimator<ExtractImageFeaturesTransformer>
{
    internal ExtractImageFeaturesEstimator(TransformsCatalog catalog, Options options)
        : base(catalog, options)
    {
    }

    /// <summary>Options of <see cref="ExtractImageFeaturesEstimator"/>.</summary>
    public sealed record Options : ComponentOptions
    {
        /// <summary>Name of the image column; <see cref="OutputColumnName"/> if null.</summary>
        public string? InputColumnName { get; init; }

        /// <summary>Name of the column of features to make, Single [features].</summary>
        public string OutputColumnName { get; init; } = "Features";

        /// <summary>Name of a column to make with the logits of the model's classes, Single [classes]; none if null.</summary>
        public string? LogitsColumnName { get; init; }

        internal override RowComponent CreateComponent() => new ExtractImageFeaturesComponent(this);

        internal override ComponentTransformer CreateTransformer(RowRunner runner) => new ExtractImageFeaturesTransformer(runner);
    }
}

/// <summary>Turns a column of images into features, lazily. Made by <see cref="ExtractImageFeaturesEstimator"/>.</summary>
public sealed class ExtractImageFeaturesTransformer : ComponentTransformer
{
    internal ExtractImageFeaturesTransformer(RowRunner runner)
        : base(runner)
    {
    }
}

internal sealed class ExtractImageFeaturesComponent(ExtractImageFeaturesEstimator.Options options) : RowComponent
{
    public override IEnumerable<InputColumn> Inputs =>
        [new(options.InputColumnName ?? options.OutputColumnName, nameof(options.InputColumnName), RowField.Image)];

    public override IEnumerable<OutputColumn> Outputs =>
    [
        new(options.OutputColumnName, ResultField.Embedding, model => [model.FeatureDimension]),
        new(options.LogitsColumnName, ResultField.Logits, model => [model.FeatureClasses]),
    ];

    public override void Check(DalleModelInfo model) => Require(model.FeatureDimension > 0, model, "has no features of images");

    public override IEnumerable<RowResult> Run(DalleModel model, IReadOnlyList<Row> rows) => rows.Select(row =>
    {
        var (features, logits) = model.ExtractFeatures(row.Image!);
        return new RowResult { Embedding = features, Logits = logits };
    });
}
