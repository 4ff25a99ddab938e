using Dalle.ML.Transforms.Rows;
using Microsoft.ML;

namespace Dalle.ML.Transforms;

/// <summary>Enlarges a column of images by a network such as Real-ESRGAN (Wang et al. 2021).</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// |  |  |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No |
/// | Input column data type | <xref:Microsoft.ML.Data.MLImage> |
/// | Output column data type | <xref:Microsoft.ML.Data.MLImage> |
/// | Required NuGet in addition to Microsoft.ML | Dalle.ML, and Microsoft.ML.OnnxRuntime or Microsoft.ML.OnnxRuntime.Gpu |
/// | Exportable to ONNX | No |
///
/// Images may have any size whose enlargement has at most 64 megapixels. The network goes over them in tiles, so that its memory does not grow with
/// an image. Opacity is enlarged too, and a grey image stays grey.
///
/// Each read of an image returns a copy, which the reader must dispose. Cache and ShuffleRows of ML.NET drop image columns without a
/// warning: cache or shuffle before this step.
/// ]]></format>
/// </remarks>
public sealed class DalleUpscaleEstimator : ComponentEstimator<DalleUpscaleTransformer>
{
    internal DalleUpscaleEstimator(TransformsCatalog catalog, Options options)
        : base(catalog, options)
    {
    }

    /// <summary>Options of <see cref="DalleUpscaleEstimator"/>.</summary>
    public sealed record Options : ComponentOptions
    {
        /// <summary>Name of the image column; <see cref="OutputColumnName"/> if null.</summary>
        public string? InputColumnName { get; init; }

        /// <summary>Name of the image column to make.</summary>
        public string OutputColumnName { get; init; } = "Image";

        internal override RowComponent CreateComponent() => new DalleUpscaleComponent(this);

        internal override ComponentTransformer CreateTransformer(RowRunner runner) => new DalleUpscaleTransformer(runner);
    }
}

/// <summary>Enlarges a column of images, lazily. Made by <see cref="DalleUpscaleEstimator"/>.</summary>
public sealed class DalleUpscaleTransformer : ComponentTransformer
{
    internal DalleUpscaleTransformer(RowRunner runner)
        : base(runner)
    {
    }
}

internal sealed class DalleUpscaleComponent(DalleUpscaleEstimator.Options options) : RowComponent
{
    public override IEnumerable<InputColumn> Inputs =>
        [new(options.InputColumnName ?? options.OutputColumnName, nameof(options.InputColumnName), RowField.Image)];

    public override IEnumerable<OutputColumn> Outputs => [new(options.OutputColumnName, ResultField.Image)];

    public override void Check(DalleModelInfo model) => Require(model.UpscaleFactor > 0, model, "has no upscaler");

    public override IEnumerable<RowResult> Run(DalleModel model, IReadOnlyList<Row> rows) =>
        rows.Select(row => new RowResult { Image = model.Upscale(row.Image!, progress: null, options.CancellationToken) });
}
