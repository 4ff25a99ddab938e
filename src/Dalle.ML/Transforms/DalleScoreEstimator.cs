using Dalle.ML.Transforms.Rows;
using Microsoft.ML;

namespace Dalle.ML.Transforms;

/// <summary>
/// Scores how well a text explains an image, by the transformer itself: the logarithm of the probability that it gives the image's tokens after the text
/// (Ramesh et al. 2021). It needs no CLIP.
/// </summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// |  |  |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No |
/// | Input column data type | Text and <xref:Microsoft.ML.Data.MLImage> |
/// | Output column data type | Single, in nats, 0 or less |
/// | Required NuGet in addition to Microsoft.ML | Dalle.ML, and Microsoft.ML.OnnxRuntime or Microsoft.ML.OnnxRuntime.Gpu |
/// | Exportable to ONNX | No |
///
/// Of several texts, the one with the highest score is the best caption of an image. Of several images, the one with the highest score is the one that the model
/// finds least surprising, which may also be the simplest. ru-dALLE ranks images by another number of the same probabilities, their perplexity: the mean of 1/p
/// over all tokens but the first.
///
/// Input images are copied while a row is processed and remain the property of their column, which disposes them as ML.NET's LoadImages and ResizeImages do.
/// Cache and ShuffleRows of ML.NET drop image columns without a warning: cache or shuffle before LoadImages, or after this step.
/// ]]></format>
/// </remarks>
public sealed class DalleScoreEstimator : ComponentEstimator<DalleScoreTransformer>
{
    internal DalleScoreEstimator(TransformsCatalog catalog, Options options)
        : base(catalog, options)
    {
    }

    /// <summary>Options of <see cref="DalleScoreEstimator"/>.</summary>
    public sealed record Options : ComponentOptions
    {
        /// <summary>Name of the text column.</summary>
        public string InputTextColumnName { get; init; } = "Text";

        /// <summary>Name of the image column.</summary>
        public string InputImageColumnName { get; init; } = "Image";

        /// <summary>Name of the column of scores to make, Single.</summary>
        public string OutputColumnName { get; init; } = "Score";

        /// <summary>Name of a column to make with the perplexity of the image, Single, lower is better; none if null.</summary>
        public string? PerplexityColumnName { get; init; }

        internal override RowComponent CreateComponent() => new DalleScoreComponent(this);

        internal override ComponentTransformer CreateTransformer(RowRunner runner) => new DalleScoreTransformer(runner);
    }
}

/// <summary>Scores how well a text explains an image, lazily. Made by <see cref="DalleScoreEstimator"/>.</summary>
public sealed class DalleScoreTransformer : ComponentTransformer
{
    internal DalleScoreTransformer(RowRunner runner)
        : base(runner)
    {
    }
}

internal sealed class DalleScoreComponent(DalleScoreEstimator.Options options) : RowComponent
{
    public override IEnumerable<InputColumn> Inputs =>
    [
        new(options.InputTextColumnName, nameof(options.InputTextColumnName), RowField.Text),
        new(options.InputImageColumnName, nameof(options.InputImageColumnName), RowField.Image),
    ];

    public override IEnumerable<OutputColumn> Outputs =>
        [new(options.OutputColumnName, ResultField.Score), new(options.PerplexityColumnName, ResultField.Perplexity)];

    public override void Check(DalleModelInfo model) =>
        Require(model is { CanEncode: true, CodebookSize: > 0, TextLength: > 0, CanGenerate: true }, model, "has no transformer and encoder of image tokens");

    public override IEnumerable<RowResult> Run(DalleModel model, IReadOnlyList<Row> rows) => model
        .LogProbabilities([.. rows.Select(row => new GenerationRequest(row.Text, Seed: 0) { KnownTokens = model.EncodeImage(row.Image!) })], options.CancellationToken)
        .Select(probabilities => new RowResult { Score = (float)probabilities.Sum(), Perplexity = ImagePerplexity.Of(probabilities) });
}
