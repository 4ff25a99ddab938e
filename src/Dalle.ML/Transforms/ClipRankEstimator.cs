using Dalle.ML.Transforms.Rows;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Transforms;

/// <summary>
/// Orders the candidates of a row by how well they fit its text, by CLIP, and keeps the best
/// (the re-ranking of Ramesh et al. 2021); also by the transformer's perplexity, as ru-dALLE does.
/// </summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// |  |  |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No |
/// | Input column data type | Text, and vector of Int32 [candidates · tokens] or of Byte [candidates · height · width · 4] |
/// | Output column data type | <xref:Microsoft.ML.Data.MLImage>, the best candidate |
/// | Required NuGet in addition to Microsoft.ML | Dalle.ML, and Microsoft.ML.OnnxRuntime or Microsoft.ML.OnnxRuntime.Gpu |
/// | Exportable to ONNX | No |
///
/// Candidates have the format of GenerateImageTokens, DalleGenerate and DalleComplete: all tokens or all pixels of a row in one vector.
/// For candidates in separate rows, ClipScore computes the scores and RankCandidates the order.
///
/// Each read of an image returns a copy, which the reader must dispose. Cache and ShuffleRows of ML.NET drop image columns without a
/// warning: cache or shuffle before this step.
/// ]]></format>
/// </remarks>
public sealed class ClipRankEstimator : ComponentEstimator<ClipRankTransformer>
{
    internal ClipRankEstimator(TransformsCatalog catalog, Options options)
        : base(catalog, options)
    {
    }

    /// <summary>Options of <see cref="ClipRankEstimator"/>.</summary>
    public sealed record Options : ComponentOptions
    {
        private readonly int? _topK;

        /// <summary>Name of the text column.</summary>
        public string InputTextColumnName { get; init; } = "Text";

        /// <summary>Name of the column with the candidates' tokens, Int32 [candidates · tokens]; null if they are given as images.</summary>
        public string? InputTokensColumnName { get; init; }

        /// <summary>
        /// Name of the column with the candidates' pixels, Byte [candidates · height · width · 4] in the model's size, blue, green, red and
        /// alpha; null if they are given as tokens.
        /// </summary>
        public string? InputImagesColumnName { get; init; }

        /// <summary>Number of candidates to keep, 1 or more; all if null.</summary>
        /// <exception cref="ArgumentOutOfRangeException">The value is less than 1.</exception>
        public int? TopK
        {
            get => _topK;
            init => _topK = value is null or >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(TopK), value, "TopK must be at least 1.");
        }

        /// <summary>Which candidate is the best. Perplexities need a transformer over image tokens, and of images also an image encoder.</summary>
        public RankBy RankBy { get; init; }

        /// <summary>Name of the image column to make, with the best candidate.</summary>
        public string OutputColumnName { get; init; } = "Image";

        /// <summary>
        /// Name of a column to make with the indices of the kept candidates among the input candidates, best first, Int32;
        /// none if null.
        /// </summary>
        public string? OrderColumnName { get; init; }

        /// <summary>Name of a column to make with the CLIP scores of the kept candidates, best first, Single; none if null.</summary>
        public string? ScoresColumnName { get; init; }

        /// <summary>
        /// Name of a column to make with the perplexities of the kept candidates, best first, Single; none if null. It needs
        /// <see cref="RankBy"/> to be by perplexity or by both.
        /// </summary>
        public string? PerplexitiesColumnName { get; init; }

        /// <summary>
        /// Name of a column to make with the tokens of the kept candidates, best first, if the input has tokens;
        /// none if null.
        /// </summary>
        public string? TokensColumnName { get; init; }

        /// <summary>Name of a column to make with the pixels of the kept candidates, best first; none if null.</summary>
        public string? ImagesColumnName { get; init; }

        internal override RowComponent CreateComponent() => new ClipRankComponent(this);

        internal override ComponentTransformer CreateTransformer(RowRunner runner) => new ClipRankTransformer(runner);
    }
}

/// <summary>Orders the candidates of a row and keeps the best, lazily. Made by <see cref="ClipRankEstimator"/>.</summary>
public sealed class ClipRankTransformer : ComponentTransformer
{
    internal ClipRankTransformer(RowRunner runner)
        : base(runner)
    {
    }
}

internal sealed class ClipRankComponent : RowComponent
{
    private readonly ClipRankEstimator.Options _options;

    public ClipRankComponent(ClipRankEstimator.Options options)
    {
        if (options.InputTokensColumnName is null == options.InputImagesColumnName is null)
            throw new ArgumentException("Set exactly one of InputTokensColumnName and InputImagesColumnName.", nameof(options));
        if (options is { TokensColumnName: not null, InputTokensColumnName: null })
            throw new ArgumentException("A column of ranked tokens needs input tokens: set InputTokensColumnName.", nameof(options));
        if (options is { PerplexitiesColumnName: not null, RankBy: RankBy.Clip })
            throw new ArgumentException("A column of perplexities needs RankBy to be Perplexity or Both: they are not computed to rank by CLIP.", nameof(options));
        if (options is { ScoresColumnName: not null, RankBy: RankBy.Perplexity })
            throw new ArgumentException("A column of scores needs RankBy to be Clip or Both: they are not computed to rank by perplexity.", nameof(options));
        _options = options;
    }

    public override IEnumerable<InputColumn> Inputs =>
    [
        new(_options.InputTextColumnName, nameof(_options.InputTextColumnName), RowField.Text),
        _options.InputTokensColumnName is { } tokens
            ? new(tokens, nameof(_options.InputTokensColumnName), RowField.ImageTokens)
            : new(_options.InputImagesColumnName!, nameof(_options.InputImagesColumnName), RowField.Pixels),
    ];

    // How many candidates a row has is known when it is read, so these vectors have no known size.
    public override IEnumerable<OutputColumn> Outputs =>
    [
        new(_options.OutputColumnName, ResultField.Image),
        new(_options.OrderColumnName, ResultField.Order),
        new(_options.ScoresColumnName, ResultField.CandidateScores),
        new(_options.PerplexitiesColumnName, ResultField.CandidatePerplexities),
        new(_options.TokensColumnName, ResultField.CandidateTokens),
        new(_options.ImagesColumnName, ResultField.CandidateImages),
    ];

    public override void Check(DalleModelInfo model)
    {
        Require(model.HasClip || _options.RankBy == RankBy.Perplexity, model, "has no CLIP");
        Require(_options.RankBy == RankBy.Clip || model is { CodebookSize: > 0, TextLength: > 0, CanGenerate: true }, model, "has no transformer over image tokens");
        Require(_options.RankBy == RankBy.Clip || _options.InputTokensColumnName is not null || model.CanEncode, model, "has no image encoder for perplexities");
        Require(model.ImageWidth > 0, model, "has no image format, so that candidates cannot be told apart");
        Require(model.TokenRows > 0 || _options.InputTokensColumnName is null, model, "has no image tokens. Give the candidates as images");
    }

    public override IEnumerable<RowResult> Run(DalleModel model, IReadOnlyList<Row> rows) => rows.Select(row => Rank(model, row));

    private RowResult Rank(DalleModel model, Row row)
    {
        var info = model.Info;
        var tokens = Split(row.ImageTokens, info.TokenRows * info.TokenColumns);
        var images = Split(row.Pixels, info.ImageHeight * info.ImageWidth * 4);
        if (tokens.Length + images.Length == 0)
            throw new ArgumentException("There are no candidates.");

        int[] places = [.. Enumerable.Range(0, tokens.Length + images.Length)];
        var ranked = new CandidateOrder(_options.RankBy)
            .Sort(places.Zip(Scores(), Perplexities()), candidate => (candidate.Second, candidate.Third))
            .Take(_options.TopK ?? int.MaxValue)
            .Select(candidate => (Place: candidate.First, Score: candidate.Second, Perplexity: candidate.Third))
            .ToArray();
        return new RowResult
        {
            Image = Picture(ranked[0].Place),
            Order = [.. ranked.Select(candidate => candidate.Place)],
            CandidateScores = [.. ranked.Select(candidate => candidate.Score)],
            CandidatePerplexities = [.. ranked.Select(candidate => candidate.Perplexity)],
            CandidateTokens = _options.TokensColumnName is null ? [] : [.. ranked.SelectMany(candidate => tokens[candidate.Place])],
            CandidateImages = _options.ImagesColumnName is null ? [] : [.. ranked.SelectMany(candidate => PixelsOf(candidate.Place))],
        };

        IEnumerable<float> Scores()
        {
            if (_options.RankBy == RankBy.Perplexity)
                return places.Select(_ => float.NaN);
            var text = model.EmbedText(row.Text);
            return places.Select(place => model.ScoreEmbeddings(text, Embed(place)));
        }

        IEnumerable<float> Perplexities() => _options.RankBy == RankBy.Clip
            ? places.Select(_ => float.NaN)
            : model.LogProbabilities([.. places.Select(place => new GenerationRequest(row.Text, Seed: 0) { KnownTokens = TokensOf(place) })], _options.CancellationToken)
                .Select(ImagePerplexity.Of);

        int[] TokensOf(int place)
        {
            if (tokens.Length > 0)
                return tokens[place];
            using var image = Picture(place);
            return model.EncodeImage(image);
        }

        MLImage Picture(int place) => tokens.Length > 0
            ? model.DecodeTokens(tokens[place])
            : MLImage.CreateFromPixels(info.ImageWidth, info.ImageHeight, MLPixelFormat.Bgra32, images[place]);

        float[] Embed(int place)
        {
            _options.CancellationToken.ThrowIfCancellationRequested();
            if (tokens.Length > 0)
                return model.EmbedTokens(tokens[place]);
            using var image = Picture(place);
            return model.EmbedImage(image);
        }

        byte[] PixelsOf(int place)
        {
            using var image = Picture(place);
            return image.Pixels.ToArray();
        }
    }
}
