namespace Dalle.ML.Tests;

public sealed class TextCompletionTests
{
    private static readonly SamplingOptions Hot = new() { Temperature = 1, TopK = 500 };

    [Fact]
    public void A_text_is_the_same_alone_and_with_others_of_any_length()
    {
        using var model = TinyModel.Load();
        string[] prompts = ["a red heart", "a cat", "two foxes and a cat and a dog", "a cat", "a"];
        var requests = prompts.SelectMany(prompt => TextCompletionRequest.Series(prompt, seed: 7, count: 3)).ToArray();
        var together = model.CompleteTexts(requests, Hot).ToArray();
        Assert.Equal(requests, together.Select(text => new TextCompletionRequest(text.Prompt, text.Seed)));
        foreach (var (request, text) in requests.Zip(together))
        {
            var alone = model.CompleteText(request.Prompt, request.Seed, Hot);
            Assert.Equal((alone.Text, alone.NewTokens), (text.Text, text.NewTokens));
            Assert.Equal(alone.Tokens, text.Tokens);
        }
        Assert.Equal(3, together.Take(3).Select(text => text.Text).Distinct().Count());
        Assert.Equal(GenerationRequest.Series("a cat", 7, 3).Select(request => request.Seed), TextCompletionRequest.Series("a cat", 7, 3).Select(request => request.Seed));
    }

    [Fact]
    public void A_text_begins_as_given_and_its_tokens_are_a_prompt()
    {
        using var model = TinyModel.Load();
        var text = model.CompleteText("A red heart", seed: 2, Hot);
        Assert.StartsWith("a red heart", text.Text, StringComparison.Ordinal);
        Assert.InRange(text.NewTokens, 1, model.Info.TextLength - model.CountTokens("a red heart"));
        Assert.Equal(model.TokenizePrompt("a red heart").Take(3), text.Tokens.Take(3));
        var tokens = model.GenerateTokens([new GenerationRequest(text.Text, Seed: 1) { PromptTokens = text.Tokens }], new GenerationOptions { Candidates = 1 }).Single();
        Assert.Equal(model.Info.TokenRows * model.Info.TokenColumns, tokens.Single().Length);
    }

    /// <summary>The family ends a text with its padding: what is greedy goes on until padding is the likeliest.</summary>
    [Fact]
    public void Each_token_is_the_likeliest_after_those_before_it()
    {
        using var model = TinyModel.Load();
        var text = model.CompleteText("a cat", seed: 0, new SamplingOptions { Temperature = 0 });
        var other = model.CompleteText("a cat", seed: 99, new SamplingOptions { TopK = 1 });
        Assert.Equal(text.Tokens, other.Tokens);
        var given = model.CountTokens("a cat");
        var known = model.TextLogProbabilities(text.Text);
        Assert.Equal(model.Info.TextLength - 1, known.Count);
        // The likeliest of 2072 tokens is more probable than all of them alike.
        for (var place = given; place < given + text.NewTokens; place++)
            Assert.InRange(known[place - 1], -Math.Log(2048 + 24), 0);
    }

    [Fact]
    public void Probabilities_are_those_of_a_distribution_over_the_texts_tokens()
    {
        using var model = TinyModel.Load();
        var probabilities = model.TextLogProbabilities("a red heart");
        Assert.All(probabilities, value => Assert.True(value < 0));
        // What follows does not change what was before.
        Assert.Equal(probabilities.Take(2), model.TextLogProbabilities("a red heart and a cat").Take(2));
    }

    [Fact]
    public void A_text_that_fills_all_places_stays_as_it_is()
    {
        using var model = TinyModel.Load();
        var prompt = string.Join(' ', Enumerable.Repeat("cat", 40));
        var text = model.CompleteText(prompt, seed: 1);
        Assert.Equal((prompt, 0), (text.Text, text.NewTokens));
        Assert.Equal(model.CountCutTokens(prompt), text.CutTokens);
        Assert.Equal(model.TokenizePrompt(prompt), text.Tokens);
        // Others of the same call go on.
        Assert.NotEqual(0, model.CompleteTexts([new(prompt, 1), new("a cat", 1)], Hot).Last().NewTokens);
    }

    [Fact]
    public void Progress_grows_to_the_whole_and_a_cancelled_text_ends_at_its_next_token()
    {
        using var model = TinyModel.Load();
        var reported = new List<double>();
        model.CompleteText("a cat", seed: 1, Hot, new Recorder(reported.Add));
        Assert.NotEmpty(reported);
        Assert.Equal(reported.Order(), reported);
        Assert.All(reported, part => Assert.InRange(part, 0, 1));

        using var source = new CancellationTokenSource();
        var tokens = 0;
        var cancelling = new Recorder(_ =>
        {
            if (++tokens == 2)
                source.Cancel();
        });
        Assert.Throws<OperationCanceledException>(() => model.CompleteText("a", seed: 1, Hot, cancelling, source.Token));
        Assert.Equal(2, tokens);
    }

    [Fact]
    public void What_cannot_be_completed_is_told()
    {
        using var model = TinyModel.Load();
        Assert.True(model.Info.CanCompleteText);
        Assert.Contains("empty", Assert.Throws<ArgumentException>(() => model.CompleteText("", seed: 1)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => model.CompleteText(null!, seed: 1));
        Assert.Contains("GuidanceScale", Assert.Throws<NotSupportedException>(() => model.CompleteText("a", 1, new SamplingOptions { GuidanceScale = 2 })).Message, StringComparison.Ordinal);
        using var silent = DalleModel.Load(TinyModel.PathWithoutText);
        Assert.False(silent.Info.CanCompleteText);
        Assert.Contains("'textDecoder'", Assert.Throws<NotSupportedException>(() => silent.CompleteText("a", 1)).Message, StringComparison.Ordinal);
        Assert.Contains("'textDecoder'", Assert.Throws<NotSupportedException>(() => silent.TextLogProbabilities("a")).Message, StringComparison.Ordinal);
        using var diffusion = DalleModel.Load(TinyUnclip.Path);
        Assert.Contains("in one stream", Assert.Throws<NotSupportedException>(() => diffusion.CompleteText("a", 1)).Message, StringComparison.Ordinal);
    }

    private sealed class Recorder(Action<double> record) : IProgress<double>
    {
        public void Report(double value) => record(value);
    }
}
