using Dalle.ML.Transforms.Rows;
using Microsoft.ML;

namespace Dalle.ML.Transforms;

/// <summary>Keeps the part of each image that a mask leaves, and paints the rest anew for a text, by a DALL·E 2 model (Lugmayr et al. 2022, "RePaint").</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// |  |  |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No |
/// | Input column data type | Text, and two columns of <xref:Microsoft.ML.Data.MLImage> |
/// | Output column data type | <xref:Microsoft.ML.Data.MLImage> |
/// | Required NuGet in addition to Microsoft.ML | Dalle.ML, and Microsoft.ML.OnnxRuntime or Microsoft.ML.OnnxRuntime.Gpu |
/// | Exportable to ONNX | No |
///
/// The mask has the size of its image. White is painted anew and black is kept; where the mask has transparency, it is the transparent part that is
/// painted. Short sides are resized to the model's, and the centre is cropped.
///
/// Each read of an image returns a copy, which the reader must dispose. Cache and ShuffleRows of ML.NET drop image columns without a
/// warning: cache or shuffle before this step.
/// ]]></format>
/// </remarks>
public sealed class DalleInpaintEstimator : ComponentEstimator<DalleInpaintTransformer>
{
    internal DalleInpaintEstimator(TransformsCatalog catalog, Options options)
        : base(catalog, options)
    {
    }

    /// <summary>Options of <see cref="DalleInpaintEstimator"/>.</summary>
    public sealed record Options : ImageGenerationOptions
    {
        /// <summary>Name of the text column that describes the whole image.</summary>
        public string InputTextColumnName { get; init; } = "Text";

        /// <summary>Name of the image column; <see cref="ImageGenerationOptions.OutputColumnName"/> if null.</summary>
        public string? InputImageColumnName { get; init; }

        /// <summary>Name of the image column with the masks. It may be that of the images, whose transparent parts are then painted.</summary>
        public string InputMaskColumnName { get; init; } = "Mask";

        internal override RowComponent CreateComponent() => new DalleInpaintComponent(this);

        internal override ComponentTransformer CreateTransformer(RowRunner runner) => new DalleInpaintTransformer(runner);
    }
}

/// <summary>Keeps a part of each image and paints the rest anew, lazily. Made by <see cref="DalleInpaintEstimator"/>.</summary>
public sealed class DalleInpaintTransformer : ComponentTransformer
{
    internal DalleInpaintTransformer(RowRunner runner)
        : base(runner)
    {
    }
}

internal sealed class DalleInpaintComponent(DalleInpaintEstimator.Options options) : ImageGenerationComponent(options)
{
    public override IEnumerable<InputColumn> Inputs =>
    [
        new(options.InputTextColumnName, nameof(options.InputTextColumnName), RowField.Text),
        new(options.InputImageColumnName ?? options.OutputColumnName, nameof(options.InputImageColumnName), RowField.Image),
        new(options.InputMaskColumnName, nameof(options.InputMaskColumnName), RowField.SecondImage),
        .. options.SeedInput,
    ];

    public override void Check(DalleModelInfo model)
    {
        RequireDalle2(model);
        base.Check(model);
    }

    protected override GenerationRequest Request(DalleModel model, Row row) =>
        model.InpaintingOf(row.Text, row.Image!, row.SecondImage!, options.SeedOf(row));
}
