using Dalle.ML.Transforms.Rows;
using Microsoft.ML;

namespace Dalle.ML.Transforms;

/// <summary>Turns a column of images into tokens of the model's codebook (the encoder of a discrete VAE).</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// |  |  |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No |
/// | Input column data type | <xref:Microsoft.ML.Data.MLImage> |
/// | Output column data type | Vector of Int32 [token rows, token columns] |
/// | Required NuGet in addition to Microsoft.ML | Dalle.ML, and Microsoft.ML.OnnxRuntime or Microsoft.ML.OnnxRuntime.Gpu |
/// | Exportable to ONNX | No |
///
/// Images may have any size: the short side is resized to the model's, and the centre is cropped. Transparent images are composited on white.
///
/// Input images are copied while a row is processed and remain the property of their column, which disposes them as ML.NET's LoadImages and ResizeImages do.
/// Cache and ShuffleRows of ML.NET drop image columns without a warning: cache or shuffle before LoadImages, or after this step.
/// ]]></format>
/// </remarks>
public sealed class EncodeImageTokensEstimator : ComponentEstimator<EncodeImageTokensTransformer>
{
    internal EncodeImageTokensEstimator(TransformsCatalog catalog, Options options)
        : base(catalog, options)
    {
    }

    /// <summary>Options of <see cref="EncodeImageTokensEstimator"/>.</summary>
    public sealed record Options : ComponentOptions
    {
        /// <summary>Name of the image column; <see cref="OutputColumnName"/> if null.</summary>
        public string? InputColumnName { get; init; }

        /// <summary>Name of the column of image tokens to make, in raster order, Int32 [token rows, token columns].</summary>
        public string OutputColumnName { get; init; } = "Tokens";

        internal override RowComponent CreateComponent() => new EncodeImageTokensComponent(this);

        internal override ComponentTransformer CreateTransformer(RowRunner runner) => new EncodeImageTokensTransformer(runner);
    }
}

/// <summary>Turns a column of images into tokens, lazily. Made by <see cref="EncodeImageTokensEstimator"/>.</summary>
public sealed class EncodeImageTokensTransformer : ComponentTransformer
{
    internal EncodeImageTokensTransformer(RowRunner runner)
        : base(runner)
    {
    }
}

internal sealed class EncodeImageTokensComponent(EncodeImageTokensEstimator.Options options) : RowComponent
{
    public override IEnumerable<InputColumn> Inputs =>
        [new(options.InputColumnName ?? options.OutputColumnName, nameof(options.InputColumnName), RowField.Image)];

    public override IEnumerable<OutputColumn> Outputs =>
        [new(options.OutputColumnName, ResultField.Tokens, model => [model.TokenRows, model.TokenColumns])];

    public override void Check(DalleModelInfo model) => Require(model.CanEncode, model, "has no image encoder");

    public override IEnumerable<RowResult> Run(DalleModel model, IReadOnlyList<Row> rows) =>
        rows.Select(row => new RowResult { Tokens = model.EncodeImage(row.Image!) });
}
