using Dalle.ML.Transforms.Rows;
using Microsoft.ML;

namespace Dalle.ML.Transforms;

/// <summary>Turns a column of text into CLIP embeddings, in the same space as those of images (Radford et al. 2021).</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// |  |  |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No |
/// | Input column data type | Text |
/// | Output column data type | Vector of Single [embedding length] |
/// | Required NuGet in addition to Microsoft.ML | Dalle.ML, and Microsoft.ML.OnnxRuntime or Microsoft.ML.OnnxRuntime.Gpu |
/// | Exportable to ONNX | No |
///
/// The vectors have length 1: the dot product of two, times the model's scale, is the CLIP score. Texts are cut to the text length of CLIP.
/// ]]></format>
/// </remarks>
public sealed class ClipEmbedTextEstimator : ComponentEstimator<ClipEmbedTextTransformer>
{
    internal ClipEmbedTextEstimator(TransformsCatalog catalog, Options options)
        : base(catalog, options)
    {
    }

    /// <summary>Options of <see cref="ClipEmbedTextEstimator"/>.</summary>
    public sealed record Options : ComponentOptions
    {
        /// <summary>Name of the text column; <see cref="OutputColumnName"/> if null.</summary>
        public string? InputColumnName { get; init; }

        /// <summary>Name of the column of embeddings to make, Single [embedding length].</summary>
        public string OutputColumnName { get; init; } = "Embedding";

        internal override RowComponent CreateComponent() => new ClipEmbedTextComponent(this);

        internal override ComponentTransformer CreateTransformer(RowRunner runner) => new ClipEmbedTextTransformer(runner);
    }
}

/// <summary>Turns a column of text into embeddings, lazily. Made by <see cref="ClipEmbedTextEstimator"/>.</summary>
public sealed class ClipEmbedTextTransformer : ComponentTransformer
{
    internal ClipEmbedTextTransformer(RowRunner runner)
        : base(runner)
    {
    }
}

internal sealed class ClipEmbedTextComponent(ClipEmbedTextEstimator.Options options) : RowComponent
{
    public override IEnumerable<InputColumn> Inputs =>
        [new(options.InputColumnName ?? options.OutputColumnName, nameof(options.InputColumnName), RowField.Text)];

    public override IEnumerable<OutputColumn> Outputs =>
        [new(options.OutputColumnName, ResultField.Embedding, model => [model.EmbeddingDimension])];

    public override void Check(DalleModelInfo model) => Require(model.HasClip, model, "has no CLIP");

    public override IEnumerable<RowResult> Run(DalleModel model, IReadOnlyList<Row> rows) =>
        rows.Select(row => new RowResult { Embedding = model.EmbedText(row.Text) });
}
