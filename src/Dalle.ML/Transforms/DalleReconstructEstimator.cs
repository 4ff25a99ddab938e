using Dalle.ML.Transforms.Rows;
using Microsoft.ML;

namespace Dalle.ML.Transforms;

/// <summary>Encodes a column of images into tokens and decodes them again, which shows what the codebook preserves.</summary>
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
/// Images may have any size: the short side is resized to the model's, and the centre is cropped. The resulting images have the model's size.
///
/// Each read of an image returns a copy, which the reader must dispose. Cache and ShuffleRows of ML.NET drop image columns without a
/// warning: cache or shuffle before this step.
/// ]]></format>
/// </remarks>
public sealed class DalleReconstructEstimator : ComponentEstimator<DalleReconstructTransformer>
{
    internal DalleReconstructEstimator(TransformsCatalog catalog, Options options)
        : base(catalog, options)
    {
    }

    /// <summary>Options of <see cref="DalleReconstructEstimator"/>.</summary>
    public sealed record Options : ComponentOptions
    {
        /// <summary>Name of the image column; <see cref="OutputColumnName"/> if null.</summary>
        public string? InputColumnName { get; init; }

        /// <summary>Name of the image column to make.</summary>
        public string OutputColumnName { get; init; } = "Image";

        /// <summary>Name of a column to make with the image's tokens, Int32 [token rows, token columns]; none if null.</summary>
        public string? TokensColumnName { get; init; }

        internal override RowComponent CreateComponent() => new DalleReconstructComponent(this);

        internal override ComponentTransformer CreateTransformer(RowRunner runner) => new DalleReconstructTransformer(runner);
    }
}

/// <summary>Encodes and decodes a column of images, lazily. Made by <see cref="DalleReconstructEstimator"/>.</summary>
public sealed class DalleReconstructTransformer : ComponentTransformer
{
    internal DalleReconstructTransformer(RowRunner runner)
        : base(runner)
    {
    }
}

internal sealed class DalleReconstructComponent(DalleReconstructEstimator.Options options) : RowComponent
{
    public override IEnumerable<InputColumn> Inputs =>
        [new(options.InputColumnName ?? options.OutputColumnName, nameof(options.InputColumnName), RowField.Image)];

    public override IEnumerable<OutputColumn> Outputs =>
    [
        new(options.OutputColumnName, ResultField.Image),
        new(options.TokensColumnName, ResultField.Tokens, model => [model.TokenRows, model.TokenColumns]),
    ];

    public override void Check(DalleModelInfo model) => Require(model.CanEncode, model, "has no image encoder");

    public override IEnumerable<RowResult> Run(DalleModel model, IReadOnlyList<Row> rows) => rows.Select(row =>
    {
        var tokens = model.EncodeImage(row.Image!);
        return new RowResult { Image = model.DecodeTokens(tokens), Tokens = tokens };
    });
}
