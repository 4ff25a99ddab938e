using Dalle.ML.Transforms.Rows;
using Microsoft.ML;

namespace Dalle.ML.Transforms;

/// <summary>Turns a column of text into text tokens for the transformer of a model.</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// |  |  |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No |
/// | Input column data type | Text |
/// | Output column data type | Vector of Int32 [text length] |
/// | Required NuGet in addition to Microsoft.ML | Dalle.ML, and Microsoft.ML.OnnxRuntime or Microsoft.ML.OnnxRuntime.Gpu |
/// | Exportable to ONNX | No |
///
/// Prompts are cut or padded to the model's text length, as its family does.
/// ]]></format>
/// </remarks>
public sealed class TokenizePromptEstimator : ComponentEstimator<TokenizePromptTransformer>
{
    internal TokenizePromptEstimator(TransformsCatalog catalog, Options options)
        : base(catalog, options)
    {
    }

    /// <summary>Options of <see cref="TokenizePromptEstimator"/>.</summary>
    public sealed record Options : ComponentOptions
    {
        /// <summary>Name of the text column; <see cref="OutputColumnName"/> if null.</summary>
        public string? InputColumnName { get; init; }

        /// <summary>Name of the column of tokens to make, Int32 [text length].</summary>
        public string OutputColumnName { get; init; } = "PromptTokens";

        internal override RowComponent CreateComponent() => new TokenizePromptComponent(this);

        internal override ComponentTransformer CreateTransformer(RowRunner runner) => new TokenizePromptTransformer(runner);
    }
}

/// <summary>Turns a column of text into tokens, lazily. Made by <see cref="TokenizePromptEstimator"/>.</summary>
public sealed class TokenizePromptTransformer : ComponentTransformer
{
    internal TokenizePromptTransformer(RowRunner runner)
        : base(runner)
    {
    }
}

internal sealed class TokenizePromptComponent(TokenizePromptEstimator.Options options) : RowComponent
{
    public override IEnumerable<InputColumn> Inputs =>
        [new(options.InputColumnName ?? options.OutputColumnName, nameof(options.InputColumnName), RowField.Text)];

    public override IEnumerable<OutputColumn> Outputs => [new(options.OutputColumnName, ResultField.Tokens, model => [model.TextLength])];

    public override void Check(DalleModelInfo model) => Require(model.TextLength > 0, model, "takes no text");

    public override IEnumerable<string> Prompts(Row row) => [row.Text];

    public override IEnumerable<RowResult> Run(DalleModel model, IReadOnlyList<Row> rows) =>
        rows.Select(row => new RowResult { Tokens = model.TokenizePrompt(row.Text) });
}
