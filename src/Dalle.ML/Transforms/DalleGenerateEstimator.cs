using Dalle.ML.Transforms.Rows;
using Microsoft.ML;

namespace Dalle.ML.Transforms;

/// <summary>Generates images from a column of text: DALL·E as an estimator.</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// |  |  |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No |
/// | Input column data type | Text |
/// | Output column data type | <xref:Microsoft.ML.Data.MLImage> |
/// | Required NuGet in addition to Microsoft.ML | Dalle.ML, and Microsoft.ML.OnnxRuntime or Microsoft.ML.OnnxRuntime.Gpu |
/// | Exportable to ONNX | No |
///
/// The resulting transformer is lazy: an image is generated when its row is read and one of the output columns is active, and all outputs of a
/// row come from one generation. Rows with the same prompt and seed have the same image; a column of seeds makes them differ.
///
/// As ML.NET has no vectors of images, the candidates of a row are vectors of their tokens, scores, seeds and pixels, best first;
/// UnrollCandidates turns each into a row.
///
/// Each read of an image returns a copy, which the reader must dispose. Cache and ShuffleRows of ML.NET drop image columns without a
/// warning: cache or shuffle before this step.
/// ]]></format>
/// </remarks>
public sealed class DalleGenerateEstimator : ComponentEstimator<DalleGenerateTransformer>
{
    internal DalleGenerateEstimator(TransformsCatalog catalog, Options options)
        : base(catalog, options)
    {
    }

    /// <summary>Options of <see cref="DalleGenerateEstimator"/>.</summary>
    public sealed record Options : ImageGenerationOptions
    {
        /// <summary>Name of the prompt column; <see cref="ImageGenerationOptions.OutputColumnName"/> if null.</summary>
        public string? InputColumnName { get; init; }

        internal override RowComponent CreateComponent() => new DalleGenerateComponent(this);

        internal override ComponentTransformer CreateTransformer(RowRunner runner) => new DalleGenerateTransformer(runner);
    }
}

/// <summary>Generates images from a column of text, lazily. Made by <see cref="DalleGenerateEstimator"/>.</summary>
public sealed class DalleGenerateTransformer : ComponentTransformer
{
    internal DalleGenerateTransformer(RowRunner runner)
        : base(runner)
    {
    }
}

internal sealed class DalleGenerateComponent(DalleGenerateEstimator.Options options) : ImageGenerationComponent(options)
{
    public override IEnumerable<InputColumn> Inputs =>
    [
        new(options.InputColumnName ?? options.OutputColumnName, nameof(options.InputColumnName), RowField.Text),
        .. options.SeedInput,
    ];

    protected override GenerationRequest Request(DalleModel model, Row row) => new(row.Text, options.SeedOf(row));
}
