using Dalle.ML.Generation;
using Dalle.ML.Transforms.Rows;
using Microsoft.ML;

namespace Dalle.ML.Transforms;

/// <summary>Samples the image tokens of prompts without decoding them: the transformer of DALL·E by itself (Ramesh et al. 2021).</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// |  |  |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No |
/// | Input column data type | Text, or vector of Int32 [text length] |
/// | Output column data type | Vector of Int32 [candidates · tokens] |
/// | Required NuGet in addition to Microsoft.ML | Dalle.ML, and Microsoft.ML.OnnxRuntime or Microsoft.ML.OnnxRuntime.Gpu |
/// | Exportable to ONNX | No |
///
/// The candidates of a row are concatenated in the order of their numbers, each in raster order. The first is the one that the seed generates
/// alone. They are not ranked: ClipRank does that.
/// ]]></format>
/// </remarks>
public sealed class GenerateImageTokensEstimator : ComponentEstimator<GenerateImageTokensTransformer>
{
    internal GenerateImageTokensEstimator(TransformsCatalog catalog, Options options)
        : base(catalog, options)
    {
    }

    /// <summary>Options of <see cref="GenerateImageTokensEstimator"/>.</summary>
    public sealed record Options : GenerationComponentOptions
    {
        /// <summary>
        /// Name of the prompt column; <see cref="OutputColumnName"/> if null, unless <see cref="InputPromptTokensColumnName"/> is given:
        /// then the text is needed for scores only.
        /// </summary>
        public string? InputColumnName { get; init; }

        /// <summary>Name of a column with prompts as TokenizePrompt makes them, Int32 [text length], to use in place of the text; none if null.</summary>
        public string? InputPromptTokensColumnName { get; init; }

        /// <summary>
        /// Name of a column with known image tokens, Int32: the first ones in raster order, or all tokens of an image with −1 where
        /// the model samples; none if null.
        /// </summary>
        public string? InputImageTokensColumnName { get; init; }

        /// <summary>Name of the column of tokens to make, Int32 [candidates · tokens]; [token rows, token columns] for one candidate.</summary>
        public string OutputColumnName { get; init; } = "Tokens";

        /// <summary>Name of a column to make with the CLIP score of each candidate, Single [candidates]; none if null.</summary>
        public string? ScoresColumnName { get; init; }

        /// <summary>Name of a column to make with the seed that generates each candidate alone, UInt64 [candidates]; none if null.</summary>
        public string? SeedsColumnName { get; init; }

        internal override RowComponent CreateComponent() => new GenerateImageTokensComponent(this);

        internal override ComponentTransformer CreateTransformer(RowRunner runner) => new GenerateImageTokensTransformer(runner);
    }
}

/// <summary>Samples the image tokens of prompts, lazily. Made by <see cref="GenerateImageTokensEstimator"/>.</summary>
public sealed class GenerateImageTokensTransformer : ComponentTransformer
{
    internal GenerateImageTokensTransformer(RowRunner runner)
        : base(runner)
    {
    }
}

internal sealed class GenerateImageTokensComponent : RowComponent
{
    private readonly GenerateImageTokensEstimator.Options _options;

    public GenerateImageTokensComponent(GenerateImageTokensEstimator.Options options)
    {
        if (options is { ScoresColumnName: not null, InputColumnName: null, InputPromptTokensColumnName: not null })
            throw new ArgumentException("Scores need the text: set InputColumnName too.", nameof(options));
        _options = options;
    }

    public override IEnumerable<InputColumn> Inputs
    {
        get
        {
            if (_options.InputPromptTokensColumnName is { } promptTokens)
                yield return new InputColumn(promptTokens, nameof(_options.InputPromptTokensColumnName), RowField.PromptTokens);
            if (_options.InputColumnName is not null || _options.InputPromptTokensColumnName is null)
                yield return new InputColumn(_options.InputColumnName ?? _options.OutputColumnName, nameof(_options.InputColumnName), RowField.Text);
            if (_options.InputImageTokensColumnName is { } imageTokens)
                yield return new InputColumn(imageTokens, nameof(_options.InputImageTokensColumnName), RowField.ImageTokens);
            foreach (var seed in _options.SeedInput)
                yield return seed;
        }
    }

    public override IEnumerable<OutputColumn> Outputs =>
    [
        new(_options.OutputColumnName, ResultField.CandidateTokens, model => _options.CandidatesOf(model) is > 1 and var candidates
            ? [candidates, model.TokenRows, model.TokenColumns]
            : [model.TokenRows, model.TokenColumns]),
        new(_options.ScoresColumnName, ResultField.CandidateScores, model => [_options.CandidatesOf(model)]),
        new(_options.SeedsColumnName, ResultField.CandidateSeeds, model => [_options.CandidatesOf(model)]),
    ];

    public override int BatchSize => _options.BatchSize;

    public override void Check(DalleModelInfo model)
    {
        Require(model is { TextLength: > 0, TokenRows: > 0 }, model, "cannot generate image tokens");
        Require(model.HasClip || _options.ScoresColumnName is null, model, "has no CLIP to score by");
    }

    public override IEnumerable<string> Prompts(Row row) => _options.InputPromptTokensColumnName is null ? [row.Text] : [];

    public override IEnumerable<RowResult> Run(DalleModel model, IReadOnlyList<Row> rows)
    {
        var requests = rows.Select(row => new GenerationRequest(row.Text, _options.SeedOf(row))
        {
            PromptTokens = _options.InputPromptTokensColumnName is null ? null : row.PromptTokens,
            KnownTokens = _options.InputImageTokensColumnName is null ? null : Beginning(model.Info, row.ImageTokens),
        }).ToArray();
        return model.GenerateTokens(requests, _options.Generation, _options.Progress, _options.CancellationToken)
            .Zip(requests, (candidates, request) => ResultOf(model, candidates, request));
    }

    private static int[] Beginning(DalleModelInfo model, int[] given) =>
        [.. given, .. Enumerable.Repeat(-1, Math.Max(0, model.TokenRows * model.TokenColumns - given.Length))];

    private RowResult ResultOf(DalleModel model, IReadOnlyList<int[]> candidates, GenerationRequest request)
    {
        var result = new RowResult
        {
            CandidateTokens = [.. candidates.SelectMany(tokens => tokens)],
            CandidateSeeds = [.. candidates.Select((_, index) => Seeds.OfCandidate(request.Seed, _options.Generation.FirstCandidate + index))],
        };
        if (_options.ScoresColumnName is not null)
        {
            var text = model.EmbedText(request.Prompt);
            result.CandidateScores = [.. candidates.Select(tokens => model.ScoreEmbeddings(text, model.EmbedTokens(tokens)))];
        }
        return result;
    }
}
