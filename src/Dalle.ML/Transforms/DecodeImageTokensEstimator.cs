using Dalle.ML.Transforms.Rows;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Transforms;

/// <summary>Decodes a column of image tokens into images (the decoder of a discrete VAE).</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// |  |  |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No |
/// | Input column data type | Vector of Int32 [token rows · token columns], or [images · tokens] with <xref:Dalle.ML.Transforms.DecodeImageTokensEstimator.Options.GridColumns> |
/// | Output column data type | <xref:Microsoft.ML.Data.MLImage> |
/// | Required NuGet in addition to Microsoft.ML | Dalle.ML, and Microsoft.ML.OnnxRuntime or Microsoft.ML.OnnxRuntime.Gpu |
/// | Exportable to ONNX | No |
///
/// The tokens are indices into the model's codebook in raster order, as EncodeImageTokens and, for one candidate, GenerateImageTokens make them.
/// With GridColumns a row has those of several images, as GenerateImageTokens makes them for several candidates: they are decoded as one image, side by
/// side and without seams (kuprel/min-dalle, is_seamless).
///
/// Each read of an image returns a copy, which the reader must dispose. Cache and ShuffleRows of ML.NET drop image columns without a
/// warning: cache or shuffle before this step.
/// ]]></format>
/// </remarks>
public sealed class DecodeImageTokensEstimator : ComponentEstimator<DecodeImageTokensTransformer>
{
    internal DecodeImageTokensEstimator(TransformsCatalog catalog, Options options)
        : base(catalog, options)
    {
    }

    /// <summary>Options of <see cref="DecodeImageTokensEstimator"/>.</summary>
    public sealed record Options : ComponentOptions
    {
        private readonly int? _gridColumns;

        /// <summary>Name of the column of image tokens; <see cref="OutputColumnName"/> if null.</summary>
        public string? InputColumnName { get; init; }

        /// <summary>Name of the image column to make.</summary>
        public string OutputColumnName { get; init; } = "Image";

        /// <summary>
        /// Number of images side by side where a row has the tokens of several: they go over into each other without seams, as by
        /// <see cref="DalleModel.DecodeTokenGrid"/>. A row has one image if null.
        /// </summary>
        /// <exception cref="ArgumentOutOfRangeException">The value is less than 1.</exception>
        public int? GridColumns
        {
            get => _gridColumns;
            init => _gridColumns = value is null or >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(GridColumns), value, "GridColumns must be at least 1.");
        }

        internal override RowComponent CreateComponent() => new DecodeImageTokensComponent(this);

        internal override ComponentTransformer CreateTransformer(RowRunner runner) => new DecodeImageTokensTransformer(runner);
    }
}

/// <summary>Turns a column of tokens into images, lazily. Made by <see cref="DecodeImageTokensEstimator"/>.</summary>
public sealed class DecodeImageTokensTransformer : ComponentTransformer
{
    internal DecodeImageTokensTransformer(RowRunner runner)
        : base(runner)
    {
    }
}

internal sealed class DecodeImageTokensComponent(DecodeImageTokensEstimator.Options options) : RowComponent
{
    public override IEnumerable<InputColumn> Inputs =>
        [new(options.InputColumnName ?? options.OutputColumnName, nameof(options.InputColumnName), RowField.ImageTokens)];

    public override IEnumerable<OutputColumn> Outputs => [new(options.OutputColumnName, ResultField.Image)];

    public override void Check(DalleModelInfo model) => Require(model.TokenRows > 0, model, "has no image tokens");

    public override IEnumerable<RowResult> Run(DalleModel model, IReadOnlyList<Row> rows) =>
        rows.Select(row => new RowResult { Image = options.GridColumns is { } columns ? DecodeGrid(model, row.ImageTokens, columns) : model.DecodeTokens(row.ImageTokens) });

    private MLImage DecodeGrid(DalleModel model, int[] tokens, int columns) =>
        model.DecodeTokenGrid(Split(tokens, model.Info.TokenRows * model.Info.TokenColumns), columns, options.CancellationToken);
}
