using Dalle.ML.Transforms.Rows;
using Microsoft.ML;

namespace Dalle.ML.Transforms;

/// <summary>
/// Completes the texts of a column by the transformer itself, which was trained on text as well as on images: prompts go on as captions of its training
/// data do (lucidrains/DALLE-pytorch, <c>generate_texts</c>).
/// </summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// |  |  |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No |
/// | Input column data type | Text |
/// | Output column data type | Text |
/// | Required NuGet in addition to Microsoft.ML | Dalle.ML, and Microsoft.ML.OnnxRuntime or Microsoft.ML.OnnxRuntime.Gpu |
/// | Exportable to ONNX | No |
///
/// The model must have logits of the text, see CanCompleteText of its info. Rows with the same text and seed have the same
/// completion; a column of seeds makes them differ. A text that fills the model's text length stays as it is.
///
/// Before DalleGenerate, or by its tokens before GenerateImageTokens, this component expands prompts. It runs on the CPU.
/// ]]></format>
/// </remarks>
public sealed class CompleteTextEstimator : ComponentEstimator<CompleteTextTransformer>
{
    internal CompleteTextEstimator(TransformsCatalog catalog, Options options)
        : base(catalog, options)
    {
    }

    /// <summary>Options of <see cref="CompleteTextEstimator"/>.</summary>
    public sealed record Options : SeededComponentOptions
    {
        /// <summary>Name of the text column; <see cref="OutputColumnName"/> if null.</summary>
        public string? InputColumnName { get; init; }

        /// <summary>Name of the text column to make, with the whole text.</summary>
        public string OutputColumnName { get; init; } = "Text";

        /// <summary>Name of a column to make with the text's tokens, Int32 [text length], as TokenizePrompt makes them; none if null.</summary>
        public string? TokensColumnName { get; init; }

        /// <summary>How text tokens are sampled, without guidance; null means the model's defaults, which are those of images.</summary>
        public SamplingOptions Sampling { get; init; } = new();

        internal override RowComponent CreateComponent() => new CompleteTextComponent(this);

        internal override ComponentTransformer CreateTransformer(RowRunner runner) => new CompleteTextTransformer(runner);
    }
}

/// <summary>Completes texts, lazily. Made by <see cref="CompleteTextEstimator"/>.</summary>
public sealed class CompleteTextTransformer : ComponentTransformer
{
    internal CompleteTextTransformer(RowRunner runner)
        : base(runner)
    {
    }
}

internal sealed class CompleteTextComponent(CompleteTextEstimator.Options options) : RowComponent
{
    public override IEnumerable<InputColumn> Inputs =>
    [
        new(options.InputColumnName ?? options.OutputColumnName, nameof(options.InputColumnName), RowField.Text),
        .. options.SeedInput,
    ];

    public override IEnumerable<OutputColumn> Outputs =>
    [
        new(options.OutputColumnName, ResultField.Text),
        new(options.TokensColumnName, ResultField.Tokens, model => [model.TextLength]),
    ];

    public override int BatchSize => options.BatchSize;

    public override void Check(DalleModelInfo model)
    {
        Require(model.CanCompleteText, model, "does not complete text: its bundle has no logits of the text ('textDecoder')");
        Refuse(options.Sampling.GuidanceScale is not null, nameof(options.Sampling.GuidanceScale), "is for images: text is completed without guidance");
    }

    public override IEnumerable<string> Prompts(Row row) => [row.Text];

    public override IEnumerable<RowResult> Run(DalleModel model, IReadOnlyList<Row> rows) => model
        .CompleteTexts([.. rows.Select(row => new TextCompletionRequest(row.Text, options.SeedOf(row)))], options.Sampling, progress: null, options.CancellationToken)
        .Select(text => new RowResult { Text = text.Text, Tokens = [.. text.Tokens] });
}
