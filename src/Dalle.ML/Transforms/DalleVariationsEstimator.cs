using Dalle.ML.Transforms.Rows;
using Microsoft.ML;

namespace Dalle.ML.Transforms;

/// <summary>Generates a variation of each image, by a DALL·E 2 model: an image of the same content and style (Ramesh et al. 2022).</summary>
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
/// The image is embedded by CLIP, and the decoder makes another image of that embedding. Rows with the same image and seed have the same
/// variation; a column of seeds makes them differ.
///
/// Each read of an image returns a copy, which the reader must dispose. Cache and ShuffleRows of ML.NET drop image columns without a
/// warning: cache or shuffle before this step.
/// ]]></format>
/// </remarks>
public sealed class DalleVariationsEstimator : ComponentEstimator<DalleVariationsTransformer>
{
    internal DalleVariationsEstimator(TransformsCatalog catalog, Options options)
        : base(catalog, options)
    {
    }

    /// <summary>Options of <see cref="DalleVariationsEstimator"/>.</summary>
    public sealed record Options : ImageDecodingOptions
    {
        private readonly float? _strength;

        /// <summary>Name of the image column; <see cref="ImageDecodingOptions.OutputColumnName"/> if null.</summary>
        public string? InputColumnName { get; init; }

        /// <summary>
        /// How far the variation leaves the image, 0 to 1: the decoder is run backwards from the image first, and 0 returns to about the image, cropped to a
        /// square. Null starts from noise, and keeps content and style, but not the layout.
        /// </summary>
        /// <exception cref="ArgumentOutOfRangeException">The value is not between 0 and 1.</exception>
        public float? Strength
        {
            get => _strength;
            init => _strength = value is null or (>= 0 and <= 1)
                ? value
                : throw new ArgumentOutOfRangeException(nameof(Strength), value, "Strength must be between 0 and 1.");
        }

        internal override RowComponent CreateComponent() => new DalleVariationsComponent(this);

        internal override ComponentTransformer CreateTransformer(RowRunner runner) => new DalleVariationsTransformer(runner);
    }
}

/// <summary>Generates a variation of each image, lazily. Made by <see cref="DalleVariationsEstimator"/>.</summary>
public sealed class DalleVariationsTransformer : ComponentTransformer
{
    internal DalleVariationsTransformer(RowRunner runner)
        : base(runner)
    {
    }
}

internal sealed class DalleVariationsComponent(DalleVariationsEstimator.Options options) : ImageDecodingComponent(options)
{
    public override IEnumerable<InputColumn> Inputs =>
    [
        new(options.InputColumnName ?? options.OutputColumnName, nameof(options.InputColumnName), RowField.Image),
        .. options.SeedInput,
    ];

    public override void Check(DalleModelInfo model)
    {
        base.Check(model);
        RequireImageTower(model);
    }

    protected override IEnumerable<GenerationRequest> Requests(DalleModel model, Row row, IProgress<GenerationProgress>? progress) =>
        [model.VariationOf(row.Image!, options.SeedOf(row), options.Strength)];
}
