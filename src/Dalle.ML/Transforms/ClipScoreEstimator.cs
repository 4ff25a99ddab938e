using Dalle.ML.Transforms.Rows;
using Microsoft.ML;

namespace Dalle.ML.Transforms;

/// <summary>Scores how well a text fits an image, by CLIP (Radford et al. 2021).</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// |  |  |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No |
/// | Input column data type | Text and <xref:Microsoft.ML.Data.MLImage> |
/// | Output column data type | Single |
/// | Required NuGet in addition to Microsoft.ML | Dalle.ML, and Microsoft.ML.OnnxRuntime or Microsoft.ML.OnnxRuntime.Gpu |
/// | Exportable to ONNX | No |
///
/// The score is the scaled cosine of the embeddings of both. It shows which of several images fits a text best, and which of several texts fits an image.
///
/// Input images are copied while a row is processed and remain the property of their column, which disposes them as ML.NET's LoadImages and ResizeImages do.
/// Cache and ShuffleRows of ML.NET drop image columns without a warning: cache or shuffle before LoadImages, or after this step.
/// ]]></format>
/// </remarks>
public sealed class ClipScoreEstimator : ComponentEstimator<ClipScoreTransformer>
{
    internal ClipScoreEstimator(TransformsCatalog catalog, Options options)
        : base(catalog, options)
    {
    }

    /// <summary>Options of <see cref="ClipScoreEstimator"/>.</summary>
    public sealed record Options : ComponentOptions
    {
        /// <summary>Name of the text column.</summary>
        public string InputTextColumnName { get; init; } = "Text";

        /// <summary>Name of the image column.</summary>
        public string InputImageColumnName { get; init; } = "Image";

        /// <summary>Name of the column of scores to make, Single.</summary>
        public string OutputColumnName { get; init; } = "Score";

        internal override RowComponent CreateComponent() => new ClipScoreComponent(this);

        internal override ComponentTransformer CreateTransformer(RowRunner runner) => new ClipScoreTransformer(runner);
    }
}

/// <summary>Scores how well a text fits an image, lazily. Made by <see cref="ClipScoreEstimator"/>.</summary>
public sealed class ClipScoreTransformer : ComponentTransformer
{
    internal ClipScoreTransformer(RowRunner runner)
        : base(runner)
    {
    }
}

internal sealed class ClipScoreComponent(ClipScoreEstimator.Options options) : RowComponent
{
    public override IEnumerable<InputColumn> Inputs =>
    [
        new(options.InputTextColumnName, nameof(options.InputTextColumnName), RowField.Text),
        new(options.InputImageColumnName, nameof(options.InputImageColumnName), RowField.Image),
    ];

    public override IEnumerable<OutputColumn> Outputs => [new(options.OutputColumnName, ResultField.Score)];

    public override void Check(DalleModelInfo model) => Require(model.HasClip, model, "has no CLIP");

    public override IEnumerable<RowResult> Run(DalleModel model, IReadOnlyList<Row> rows) =>
        rows.Select(row => new RowResult { Score = model.Score(row.Text, row.Image!) });
}
