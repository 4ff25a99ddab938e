using Dalle.ML.PipelineHost;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Transforms;

public sealed class ClipEmbedTextTests : ComponentContract<ClipEmbedTextTransformer>
{
    protected override ComponentOptions Options => new ClipEmbedTextEstimator.Options { ModelPath = TinyModel.Path, InputColumnName = "Prompt" };

    protected override string[] Inputs => ["Prompt"];

    protected override string[] Outputs => ["Embedding: Vector<Single, 192>"];

    [Fact]
    public void Embeddings_are_the_engines_and_can_be_concatenated()
    {
        using var model = TinyModel.Load();
        var pipeline = ML.Transforms.ClipEmbedText("Text", "Prompt", modelPath: TinyModel.Path)
            .Append(ML.Transforms.ClipEmbedImage("Image", "Picture", modelPath: TinyModel.Path))
            .Append(ML.Transforms.Concatenate("Features", "Text", "Image"));
        var view = pipeline.Fit(Load(Rows)).Transform(Load(Rows));
        Assert.Equal(Prompts.Select(model.EmbedText), view.GetColumn<float[]>("Text"));
        Assert.Equal("Vector<Single, 384>", view.Schema["Features"].Type.ToString());
        Assert.Equal(view.GetColumn<float[]>("Text").Zip(view.GetColumn<float[]>("Image"), (text, image) => text.Concat(image)), view.GetColumn<float[]>("Features"));
    }

    protected override ComponentEstimator<ClipEmbedTextTransformer> Create(ComponentOptions options) =>
        ML.Transforms.ClipEmbedText((ClipEmbedTextEstimator.Options)options);
}

public sealed class ClipEmbedImageTests : ComponentContract<ClipEmbedImageTransformer>
{
    protected override ComponentOptions Options => new ClipEmbedImageEstimator.Options { ModelPath = TinyModel.Path, InputColumnName = "Picture" };

    protected override string[] Inputs => ["Picture"];

    protected override string[] Outputs => ["Embedding: Vector<Single, 192>"];

    protected override PipelineRow Broken => new();

    [Fact]
    public void Embeddings_are_the_engines()
    {
        using var model = TinyModel.Load();
        var view = ML.Transforms.ClipEmbedImage("Embedding", "Picture", modelPath: TinyModel.Path).Fit(Load(Rows)).Transform(Load(Rows));
        Assert.Equal(Load(Rows).GetColumn<MLImage>("Picture").Select(model.EmbedImage), view.GetColumn<float[]>("Embedding"));
    }

    protected override ComponentEstimator<ClipEmbedImageTransformer> Create(ComponentOptions options) =>
        ML.Transforms.ClipEmbedImage((ClipEmbedImageEstimator.Options)options);
}

public sealed class ClipScoreTests : ComponentContract<ClipScoreTransformer>
{
    protected override ComponentOptions Options => new ClipScoreEstimator.Options { ModelPath = TinyModel.Path, InputTextColumnName = "Prompt", InputImageColumnName = "Picture" };

    protected override string[] Inputs => ["Prompt", "Picture"];

    protected override string[] Outputs => ["Score: Single"];

    protected override string[] Annotations => ["Score ScoreColumnKind: Ranking", "Score ScoreValueKind: Score"];

    protected override PipelineRow Broken => new() { Prompt = "no picture" };

    [Fact]
    public void Scores_are_the_engines()
    {
        using var model = TinyModel.Load();
        var view = ML.Transforms.ClipScore("Score", "Prompt", "Picture", modelPath: TinyModel.Path).Fit(Load(Rows)).Transform(Load(Rows));
        Assert.Equal(Prompts.Zip(Load(Rows).GetColumn<MLImage>("Picture"), model.Score), view.GetColumn<float>("Score"));
    }

    protected override ComponentEstimator<ClipScoreTransformer> Create(ComponentOptions options) =>
        ML.Transforms.ClipScore((ClipScoreEstimator.Options)options);
}

public sealed class ClipRankTests : ComponentContract<ClipRankTransformer>
{
    protected override ComponentOptions Options => new ClipRankEstimator.Options
    {
        ModelPath = TinyModel.Path,
        InputTextColumnName = "Prompt",
        InputImagesColumnName = "Pixels",
        OrderColumnName = "Order",
        ScoresColumnName = "Scores",
        ImagesColumnName = "Images",
        TopK = 2,
    };

    protected override string[] Inputs => ["Prompt", "Pixels"];

    protected override string[] Outputs => ["Image: Image", "Order: Vector<Int32>", "Scores: Vector<Single>", "Images: Vector<Byte>"];

    protected override string[] Annotations => ["Scores ScoreColumnKind: Ranking", "Scores ScoreValueKind: Score"];

    protected override PipelineRow Broken => new() { Prompt = "half a picture", Pixels = new byte[64 * 32 * 4] };

    [Theory]
    [InlineData(null)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(9)]
    public void Tokens_are_ordered_as_the_engine_orders_them(int? topK)
    {
        using var model = TinyModel.Load();
        var generation = new GenerationOptions { Candidates = 5 };
        var pipeline = ML.Transforms.GenerateImageTokens(new() { ModelPath = TinyModel.Path, InputColumnName = "Prompt", Seed = 7, Generation = generation })
            .Append(ML.Transforms.ClipRank(new()
            {
                ModelPath = TinyModel.Path,
                InputTextColumnName = "Prompt",
                InputTokensColumnName = "Tokens",
                OrderColumnName = "Order",
                ScoresColumnName = "Scores",
                TokensColumnName = "AllTokens",
                ImagesColumnName = "Images",
                TopK = topK,
            }));
        var ranked = ML.Data.CreateEnumerable<Prediction>(pipeline.Fit(Load(Rows)).Transform(Load(Rows)), reuseRowObject: false, ignoreMissingColumns: true).ToArray();
        var expected = Prompts.Select(prompt => model.GenerateCandidates(new(prompt, 7), generation).OrderByDescending(image => image.Score).Take(topK ?? 5).ToArray()).ToArray();
        Assert.Equal(expected.Select(images => images.Select(image => image.Candidate)), ranked.Select(row => row.Order));
        Assert.Equal(expected.Select(images => images.Select(image => image.Score)), ranked.Select(row => row.Scores));
        Assert.Equal(expected.Select(images => images.SelectMany(image => image.Tokens)), ranked.Select(row => row.AllTokens));
        Assert.Equal(expected.Select(images => images.SelectMany(image => image.Image.Pixels.ToArray())), ranked.Select(row => row.Images));
        Assert.Equal(expected.Select(images => ColumnText.Of(images[0].Image)), ranked.Select(row => ColumnText.Of(row.Image)));
    }

    [Theory]
    [InlineData(RankBy.Perplexity)]
    [InlineData(RankBy.Both)]
    public void Tokens_are_ordered_by_perplexity_as_the_engine_orders_them(RankBy rankBy)
    {
        using var model = TinyModel.Load();
        var generation = new GenerationOptions { Candidates = 5, RankBy = rankBy };
        var pipeline = ML.Transforms.GenerateImageTokens(new() { ModelPath = TinyModel.Path, InputColumnName = "Prompt", Seed = 7, Generation = new() { Candidates = 5 } })
            .Append(ML.Transforms.ClipRank(new()
            {
                ModelPath = TinyModel.Path,
                InputTextColumnName = "Prompt",
                InputTokensColumnName = "Tokens",
                OrderColumnName = "Order",
                PerplexitiesColumnName = "Perplexities",
                RankBy = rankBy,
            }));
        var view = pipeline.Fit(Load(Rows)).Transform(Load(Rows));
        foreach (var (prompt, order, perplexities) in Prompts.Zip(view.GetColumn<int[]>("Order"), view.GetColumn<float[]>("Perplexities")))
        {
            using var best = new BestImages(count: 5, rankBy);
            foreach (var image in model.GenerateCandidates(new(prompt, 7), generation))
                best.Add(image);
            Assert.Equal(best.Select(image => image.Candidate), order);
            Assert.All(best.Zip(perplexities), pair => Assert.Equal(pair.First.Perplexity, pair.Second, tolerance: 1e-3f * pair.Second));
        }
    }

    [Fact]
    public void Candidates_are_given_once_and_in_a_way()
    {
        Assert.Throws<ArgumentException>(() => ML.Transforms.ClipRank(new ClipRankEstimator.Options()));
        Assert.Throws<ArgumentException>(() => ML.Transforms.ClipRank(new ClipRankEstimator.Options { InputTokensColumnName = "Codes", InputImagesColumnName = "Pixels" }));
        Assert.Throws<ArgumentException>(() => ML.Transforms.ClipRank(new ClipRankEstimator.Options { InputImagesColumnName = "Pixels", TokensColumnName = "Tokens" }));
        var pixels = new ClipRankEstimator.Options { InputImagesColumnName = "Pixels" };
        Assert.Throws<ArgumentException>(() => ML.Transforms.ClipRank(pixels with { PerplexitiesColumnName = "Perplexities" }));
        Assert.Throws<ArgumentException>(() => ML.Transforms.ClipRank(pixels with { RankBy = RankBy.Perplexity, ScoresColumnName = "Scores" }));
        Assert.Equal("TopK", Assert.Throws<ArgumentOutOfRangeException>(() => new ClipRankEstimator.Options { TopK = 0 }).ParamName);
    }

    protected override ComponentEstimator<ClipRankTransformer> Create(ComponentOptions options) =>
        ML.Transforms.ClipRank((ClipRankEstimator.Options)options);
}
