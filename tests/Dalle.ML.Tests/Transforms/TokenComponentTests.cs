using Dalle.ML.PipelineHost;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Transforms;

public sealed class TokenizePromptTests : ComponentContract<TokenizePromptTransformer>
{
    protected override ComponentOptions Options => new TokenizePromptEstimator.Options { ModelPath = TinyModel.Path, InputColumnName = "Prompt", OutputColumnName = "Tokens" };

    protected override string[] Inputs => ["Prompt"];

    protected override string[] Outputs => ["Tokens: Vector<Int32, 24>"];

    [Fact]
    public void Prompts_become_what_the_transformer_takes()
    {
        using var model = TinyModel.Load();
        var tokens = ML.Transforms.TokenizePrompt("Tokens", "Prompt", modelPath: TinyModel.Path).Fit(Load(Rows)).Transform(Load(Rows)).GetColumn<int[]>("Tokens").ToArray();
        Assert.Equal(Prompts.Select(model.TokenizePrompt), tokens);
        Assert.Equal(model.CountTokens(Prompts[0]), tokens[0].Count(id => id < 2048));
    }

    protected override ComponentEstimator<TokenizePromptTransformer> Create(ComponentOptions options) =>
        ML.Transforms.TokenizePrompt((TokenizePromptEstimator.Options)options);
}

public sealed class EncodeImageTokensTests : ComponentContract<EncodeImageTokensTransformer>
{
    protected override ComponentOptions Options => new EncodeImageTokensEstimator.Options { ModelPath = TinyModel.Path, InputColumnName = "Picture", OutputColumnName = "Tokens" };

    protected override string[] Inputs => ["Picture"];

    protected override string[] Outputs => ["Tokens: Vector<Int32, 8, 8>"];

    protected override PipelineRow Broken => new() { Prompt = "nothing" };

    [Fact]
    public void Images_of_any_size_become_the_models_tokens()
    {
        using var model = TinyModel.Load();
        var tokens = ML.Transforms.EncodeImageTokens("Tokens", "Picture", modelPath: TinyModel.Path).Fit(Load(Rows)).Transform(Load(Rows)).GetColumn<int[]>("Tokens");
        Assert.Equal(Load(Rows).GetColumn<MLImage>("Picture").Select(model.EncodeImage), tokens);
    }

    protected override ComponentEstimator<EncodeImageTokensTransformer> Create(ComponentOptions options) =>
        ML.Transforms.EncodeImageTokens((EncodeImageTokensEstimator.Options)options);
}

public sealed class DecodeImageTokensTests : ComponentContract<DecodeImageTokensTransformer>
{
    protected override ComponentOptions Options => new DecodeImageTokensEstimator.Options { ModelPath = TinyModel.Path, InputColumnName = "Codes", OutputColumnName = "Image" };

    protected override string[] Inputs => ["Codes"];

    protected override string[] Outputs => ["Image: Image"];

    protected override PipelineRow Broken => new() { Codes = [.. Enumerable.Repeat(2048, 64)] };

    [Fact]
    public void Tokens_become_the_images_that_they_stand_for()
    {
        using var model = TinyModel.Load();
        var images = ML.Transforms.DecodeImageTokens("Image", "Codes", modelPath: TinyModel.Path).Fit(Load(Rows)).Transform(Load(Rows)).GetColumn<MLImage>("Image");
        Assert.Equal(Rows.Select(row => ColumnText.Of(model.DecodeTokens(row.Codes))), images.Select(ColumnText.Of));
    }

    protected override ComponentEstimator<DecodeImageTokensTransformer> Create(ComponentOptions options) =>
        ML.Transforms.DecodeImageTokens((DecodeImageTokensEstimator.Options)options);
}

/// <summary>As <see cref="DecodeImageTokensTests"/>, with the tokens of several images in a row.</summary>
public sealed class DecodeImageTokensGridTests : ComponentContract<DecodeImageTokensTransformer>
{
    public DecodeImageTokensGridTests()
    {
        foreach (var (number, row) in Rows.Index())
            row.Codes = [.. Enumerable.Range(0, 6 * 64).Select(i => (i * 37 + number * 11) % 2048)];
    }

    protected override ComponentOptions Options => Grid(columns: 3);

    protected override string[] Inputs => ["Codes"];

    protected override string[] Outputs => ["Image: Image"];

    protected override PipelineRow Broken => new() { Codes = [.. Enumerable.Repeat(1, 4 * 64)] };

    [Fact]
    public void The_images_of_a_row_go_over_into_each_other()
    {
        using var model = TinyModel.Load();
        var images = Create(Options).Fit(Load(Rows)).Transform(Load(Rows)).GetColumn<MLImage>("Image").ToArray();
        Assert.All(images, image => Assert.Equal((3 * 64, 2 * 64), (image.Width, image.Height)));
        Assert.Equal(Rows.Select(row => ColumnText.Of(model.DecodeTokenGrid([.. row.Codes.Chunk(64)], columns: 3))), images.Select(ColumnText.Of));
    }

    /// <summary>min-dalle's way: the candidates of a prompt are one image.</summary>
    [Fact]
    public void It_takes_the_candidates_of_a_prompt()
    {
        using var model = TinyModel.Load();
        var four = new GenerationOptions { Candidates = 4 };
        var pipeline = ML.Transforms.GenerateImageTokens(new GenerateImageTokensEstimator.Options { ModelPath = TinyModel.Path, InputColumnName = "Prompt", OutputColumnName = "Codes", Generation = four, Seed = 3 })
            .Append(Create(Grid(columns: 2)));
        var image = pipeline.Fit(Load(Rows)).Transform(Load(Rows[0])).GetColumn<MLImage>("Image").Single();
        using var expected = model.DecodeTokenGrid([.. model.GenerateCandidates(new GenerationRequest(Rows[0].Prompt, Seed: 3), four).OrderBy(candidate => candidate.Candidate).Select(candidate => candidate.Tokens)], columns: 2);
        Assert.Equal(ColumnText.Of(expected), ColumnText.Of(image));
    }

    [Theory]
    [InlineData(0, "0 images do not fill rows of 3")]
    [InlineData(4 * 64, "4 images do not fill rows of 3")]
    [InlineData(100, "The vector length 100 is not a multiple of 64")]
    [InlineData(258 * 64, "16512 tokens; it may have 16384")]
    public void Tokens_that_fill_no_grid_are_a_reason_in_their_row(int tokens, string reason)
    {
        var view = Create(Options with { ErrorColumnName = "Error" }).Fit(Load(Rows)).Transform(Load(new PipelineRow { Codes = new int[tokens] }));
        Assert.Contains(reason, view.GetColumn<string>("Error").Single(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_grid_has_columns() =>
        Assert.Contains("GridColumns must be at least 1", Assert.Throws<ArgumentOutOfRangeException>(() => Grid(columns: 0)).Message, StringComparison.Ordinal);

    protected override ComponentEstimator<DecodeImageTokensTransformer> Create(ComponentOptions options) =>
        ML.Transforms.DecodeImageTokens((DecodeImageTokensEstimator.Options)options);

    private static DecodeImageTokensEstimator.Options Grid(int columns) =>
        new() { ModelPath = TinyModel.Path, InputColumnName = "Codes", OutputColumnName = "Image", GridColumns = columns };
}

public sealed class GenerateImageTokensTests : ComponentContract<GenerateImageTokensTransformer>
{
    private static readonly GenerationOptions Three = new() { Candidates = 3 };

    protected override ComponentOptions Options => new GenerateImageTokensEstimator.Options
    {
        ModelPath = TinyModel.Path,
        InputColumnName = "Prompt",
        InputImageTokensColumnName = "Codes",
        InputSeedColumnName = "RowSeed",
        OutputColumnName = "Tokens",
        ScoresColumnName = "Scores",
        SeedsColumnName = "Seeds",
        Generation = Three,
        BatchSize = 3,
    };

    protected override string[] Inputs => ["Prompt", "Codes", "RowSeed"];

    protected override string[] Outputs => ["Tokens: Vector<Int32, 192>", "Scores: Vector<Single, 3>", "Seeds: Vector<UInt64, 3>"];

    protected override string[] Annotations =>
    [
        "Scores ScoreColumnKind: Ranking", "Scores ScoreValueKind: Score", "Scores SlotNames: Candidate 0, Candidate 1, Candidate 2",
        "Seeds SlotNames: Candidate 0, Candidate 1, Candidate 2",
    ];

    protected override PipelineRow Broken => new() { Prompt = "a bad beginning", Codes = [5, 5000] };

    [Fact]
    public void Tokens_are_those_of_the_engines_candidates_by_number()
    {
        using var model = TinyModel.Load();
        var three = Three with { FirstCandidate = 2 };
        var expected = Rows.Select(row => model.GenerateCandidates(new GenerationRequest(row.Prompt, row.RowSeed), three).ToArray()).ToArray();
        var view = Transform(new() { ModelPath = TinyModel.Path, InputColumnName = "Prompt", InputSeedColumnName = "RowSeed", ScoresColumnName = "Scores", SeedsColumnName = "Seeds", Generation = three });
        Assert.Equal(expected.Select(images => images.SelectMany(image => image.Tokens)), view.GetColumn<int[]>("Tokens"));
        Assert.Equal(expected.Select(images => images.Select(image => image.Score)), view.GetColumn<float[]>("Scores"));
        Assert.Equal(expected.Select(images => images.Select(image => image.CandidateSeed)), view.GetColumn<ulong[]>("Seeds"));
    }

    [Fact]
    public void Prompt_tokens_take_the_place_of_text()
    {
        var data = ML.Transforms.TokenizePrompt("PromptTokens", "Prompt", modelPath: TinyModel.Path).Fit(Load(Rows)).Transform(Load(Rows));
        GenerateImageTokensEstimator.Options options = new() { ModelPath = TinyModel.Path, Generation = new() { Candidates = 1 }, Seed = 3 };
        var byText = Transform(options with { InputColumnName = "Prompt" }, data);
        var byTokens = Transform(options with { InputPromptTokensColumnName = "PromptTokens" }, data);
        Assert.Equal("Vector<Int32, 8, 8>", byTokens.Schema["Tokens"].Type.ToString());
        Assert.Equal(byText.GetColumn<int[]>("Tokens"), byTokens.GetColumn<int[]>("Tokens"));

        // The text is for the scores only.
        var scored = Transform(options with { InputPromptTokensColumnName = "PromptTokens", InputColumnName = "Prompt", ScoresColumnName = "Scores" }, data);
        Assert.Equal(byText.GetColumn<int[]>("Tokens"), scored.GetColumn<int[]>("Tokens"));
        Assert.Throws<ArgumentException>(() => ML.Transforms.GenerateImageTokens(options with { InputPromptTokensColumnName = "PromptTokens", ScoresColumnName = "Scores" }));
    }

    [Theory]
    [InlineData(20)]
    [InlineData(64)]
    public void What_is_given_is_the_beginning(int given)
    {
        var rows = Rows.Select(row => new PipelineRow { Prompt = row.Prompt, Codes = row.Codes[..given] }).ToArray();
        var view = Transform(new() { ModelPath = TinyModel.Path, InputColumnName = "Prompt", InputImageTokensColumnName = "Codes", Generation = new() { Candidates = 2 } }, Load(rows));
        Assert.All(view.GetColumn<int[]>("Tokens").Zip(rows), pair =>
        {
            Assert.Equal(pair.Second.Codes, pair.First[..given]);
            Assert.Equal(pair.Second.Codes, pair.First[64..(64 + given)]);
            Assert.Equal(given == 64, pair.First.AsSpan(0, 64).SequenceEqual(pair.First.AsSpan(64)));
        });
    }

    [Fact]
    public void Prompt_tokens_that_are_none_are_refused_by_the_row()
    {
        var rows = Rows.Select((row, number) => new PipelineRow { PromptCodes = number == 2 ? [.. Enumerable.Repeat(2072, 24)] : row.PromptCodes }).ToArray();
        var view = Transform(new() { ModelPath = TinyModel.Path, InputPromptTokensColumnName = "PromptCodes", Generation = new() { Candidates = 1 }, BatchSize = 4, ErrorColumnName = "Error" }, Load(rows));
        Assert.Contains("2072 is not a prompt token", view.GetColumn<string>("Error").ElementAt(2), StringComparison.Ordinal);
        Assert.Equal(3, view.GetColumn<string>("Error").Count(error => error.Length == 0));
    }

    protected override ComponentEstimator<GenerateImageTokensTransformer> Create(ComponentOptions options) =>
        ML.Transforms.GenerateImageTokens((GenerateImageTokensEstimator.Options)options);

    private IDataView Transform(GenerateImageTokensEstimator.Options options, IDataView? data = null) =>
        Create(options).Fit(data ?? Load(Rows)).Transform(data ?? Load(Rows));
}
