using Dalle.ML.Transforms.Rows;
using Microsoft.ML;

namespace Dalle.ML.Transforms;

/// <summary>
/// Keeps a region of each image and generates the rest for its text: image completion and, with a text that describes how the rest differs,
/// image-to-image translation (Ramesh et al. 2021).
/// </summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// |  |  |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No |
/// | Input column data type | Text and <xref:Microsoft.ML.Data.MLImage> |
/// | Output column data type | <xref:Microsoft.ML.Data.MLImage> |
/// | Required NuGet in addition to Microsoft.ML | Dalle.ML, and Microsoft.ML.OnnxRuntime or Microsoft.ML.OnnxRuntime.Gpu |
/// | Exportable to ONNX | No |
///
/// The region is kept as image tokens: it looks as DalleReconstruct shows it. It influences the tokens that follow it in raster order.
///
/// Each read of an image returns a copy, which the reader must dispose. Cache and ShuffleRows of ML.NET drop image columns without a
/// warning: cache or shuffle before this step.
/// ]]></format>
/// </remarks>
public sealed class DalleCompleteEstimator : ComponentEstimator<DalleCompleteTransformer>
{
    internal DalleCompleteEstimator(TransformsCatalog catalog, Options options)
        : base(catalog, options)
    {
    }

    /// <summary>Options of <see cref="DalleCompleteEstimator"/>.</summary>
    public sealed record Options : ImageGenerationOptions
    {
        /// <summary>Name of the text column that describes the whole image.</summary>
        public string InputTextColumnName { get; init; } = "Text";

        /// <summary>Name of the image column; <see cref="ImageGenerationOptions.OutputColumnName"/> if null.</summary>
        public string? InputImageColumnName { get; init; }

        /// <summary>The region of the images to keep, in tokens.</summary>
        public KeepRegion Keep { get; init; }

        internal override RowComponent CreateComponent() => new DalleCompleteComponent(this);

        internal override ComponentTransformer CreateTransformer(RowRunner runner) => new DalleCompleteTransformer(runner);
    }
}

/// <summary>Keeps a region of each image and generates the rest, lazily. Made by <see cref="DalleCompleteEstimator"/>.</summary>
public sealed class DalleCompleteTransformer : ComponentTransformer
{
    internal DalleCompleteTransformer(RowRunner runner)
        : base(runner)
    {
    }
}

internal sealed class DalleCompleteComponent(DalleCompleteEstimator.Options options) : ImageGenerationComponent(options)
{
    public override IEnumerable<InputColumn> Inputs =>
    [
        new(options.InputTextColumnName, nameof(options.InputTextColumnName), RowField.Text),
        new(options.InputImageColumnName ?? options.OutputColumnName, nameof(options.InputImageColumnName), RowField.Image),
        .. options.SeedInput,
    ];

    public override void Check(DalleModelInfo model)
    {
        base.Check(model);
        Require(model.CanEncode, model, model.CanVary ? "has no image tokens to keep. Keep a part of an image by a mask, with DalleInpaint" : "has no image encoder");
        options.Keep.Apply(new int[model.TokenRows * model.TokenColumns], model.TokenRows, model.TokenColumns);
    }

    protected override GenerationRequest Request(DalleModel model, Row row) =>
        new(row.Text, options.SeedOf(row)) { KnownTokens = model.EncodeKnownTokens(row.Image!, options.Keep) };
}
