using Dalle.ML.Transforms.Rows;

namespace Dalle.ML.Transforms;

/// <summary>Shared by components that generate images.</summary>
internal abstract class ImageGenerationComponent(ImageGenerationOptions options) : RowComponent
{
    public sealed override IEnumerable<OutputColumn> Outputs =>
    [
        new(options.OutputColumnName, ResultField.Image),
        new(options.SeedColumnName, ResultField.Seed),
        new(options.TokensColumnName, ResultField.Tokens, model => [model.TokenRows, model.TokenColumns]),
        new(options.ScoreColumnName, ResultField.Score),
        new(options.PerplexityColumnName, ResultField.Perplexity),
        new(options.CandidateTokensColumnName, ResultField.CandidateTokens,
            model => [options.CandidatesOf(model), model.TokenRows, model.TokenColumns]),
        new(options.CandidateScoresColumnName, ResultField.CandidateScores, model => [options.CandidatesOf(model)]),
        new(options.CandidateSeedsColumnName, ResultField.CandidateSeeds, model => [options.CandidatesOf(model)]),
        new(options.CandidateImagesColumnName, ResultField.CandidateImages,
            model => [options.CandidatesOf(model), model.ImageHeight, model.ImageWidth, 4]),
    ];

    public sealed override int BatchSize => options.BatchSize;

    public override void Check(DalleModelInfo model)
    {
        Require(model.CanGenerate, model, "cannot generate");
        var rankBy = options.Generation.RankBy;
        Require(model.HasClip || rankBy == RankBy.Perplexity || options.CandidatesOf(model) == 1, model, "has no CLIP to choose among candidates: ask for one, or rank by perplexity");
        Refuse(rankBy == RankBy.Clip && options.PerplexityColumnName is not null, nameof(options.PerplexityColumnName), "needs Generation.RankBy to be Perplexity or Both");
        Refuse(model.TokenRows == 0 && rankBy != RankBy.Clip, nameof(options.Generation.RankBy), $"is for models that sample image tokens; '{model.Name}' is a diffusion model");
        foreach (var (option, column) in new[] { (nameof(options.TokensColumnName), options.TokensColumnName), (nameof(options.CandidateTokensColumnName), options.CandidateTokensColumnName) })
            Refuse(model.TokenRows == 0 && column is not null, option, $"is for models that sample image tokens; '{model.Name}' is a diffusion model");
    }

    public sealed override IEnumerable<string> Prompts(Row row) => [row.Text];

    public sealed override IEnumerable<RowResult> Run(DalleModel model, IReadOnlyList<Row> rows)
    {
        var requests = rows.Select(row => Request(model, row)).ToArray();
        return options.WantsCandidates
            ? model.GenerateCandidates(requests, options.Generation, options.Progress, options.CancellationToken)
                .Chunk(options.CandidatesOf(model.Info)).Select(candidates => ResultOf(candidates, options.Generation.RankBy))
            : model.GenerateBatch(requests, options.Generation, options.Progress, options.CancellationToken).Select(ResultOf);
    }

    protected abstract GenerationRequest Request(DalleModel model, Row row);

    /// <summary>The result owns the image, so the object around it is not disposed.</summary>
    private static RowResult ResultOf(GeneratedImage image) =>
        new() { Image = image.Image, Seed = image.Seed, Tokens = [.. image.Tokens], Score = image.Score, Perplexity = image.Perplexity };

    private static RowResult ResultOf(GeneratedImage[] unranked, RankBy rankBy)
    {
        GeneratedImage[] candidates = [.. new CandidateOrder(rankBy).Sort(unranked, image => (image.Score, image.Perplexity))];
        var result = ResultOf(candidates[0]);
        result.CandidateTokens = [.. candidates.SelectMany(candidate => candidate.Tokens)];
        result.CandidateScores = [.. candidates.Select(candidate => candidate.Score)];
        result.CandidateSeeds = [.. candidates.Select(candidate => candidate.CandidateSeed)];
        result.CandidateImages = [.. candidates.SelectMany(candidate => candidate.Image.Pixels.ToArray())];
        foreach (var candidate in candidates.Skip(1))
            candidate.Dispose();
        return result;
    }
}
