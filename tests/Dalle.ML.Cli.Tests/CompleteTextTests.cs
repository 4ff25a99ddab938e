namespace Dalle.ML.Cli.Tests;

public sealed class CompleteTextTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Texts_are_the_models_one_a_line()
    {
        using var model = TinyModel.Load();
        var options = new SamplingOptions { Temperature = 1, TopK = 300, TopP = 0.9f };
        var expected = new[] { "a cat", "two foxes" }.SelectMany(prompt => TextCompletionRequest.Series(prompt, 7, 2)).Select(request => model.CompleteText(request.Prompt, request.Seed, options)).ToArray();
        string[] arguments = ["complete-text", "a cat", "two foxes", "-n", "2", "--seed", "7", "--temperature", "1", "--top-k", "300", "--top-p", "0.9", "-m", TinyModel.Path];
        var run = await Run([.. arguments, "--json"]);
        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        Assert.Equal(expected.Select(text => text.Text), run.Json.Select(line => line.GetProperty("text").GetString()));
        Assert.Equal(expected.Select(text => text.Seed), run.Json.Select(line => line.GetProperty("seed").GetUInt64()));
        Assert.Equal(expected.Select(text => text.NewTokens), run.Json.Select(line => line.GetProperty("newTokens").GetInt32()));
        Assert.Equal(["a cat", "a cat", "two foxes", "two foxes"], run.Json.Select(line => line.GetProperty("prompt").GetString()));

        var text = await Run(arguments);
        Assert.Equal(4, text.Output.Length);
        Assert.All(text.Output, line => Assert.DoesNotContain(line, char.IsControl));
        var piped = await Tool.RunAsync(_folder.Path, ["complete-text", "-", "-n", "2", .. arguments[5..]], "a cat\n\ntwo foxes\n");
        Assert.Equal(text.Output, piped.Output);
    }

    [Fact]
    public async Task A_random_seed_is_told_and_gives_the_text_again()
    {
        var run = await Run("complete-text", "a cat", "-m", TinyModel.Path, "--top-k", "300");
        var seed = run.Errors.Split("seed ")[1].Split('\n')[0];
        Assert.Equal(run.Output, (await Run("complete-text", "a cat", "-m", TinyModel.Path, "--top-k", "300", "--seed", seed)).Output);
    }

    [Fact]
    public async Task A_prompt_that_fills_the_model_stays_as_it_is_and_that_is_said()
    {
        var prompt = string.Join(' ', Enumerable.Repeat("cat", 40));
        var run = await Run("complete-text", prompt, "-m", TinyModel.Path, "--seed", "1");
        Assert.Equal((0, prompt), (run.ExitCode, Assert.Single(run.Output)));
        Assert.Contains("were cut: the model reads 24", run.Errors, StringComparison.Ordinal);
        Assert.Contains("it fills the 24 text tokens of the model", run.Errors, StringComparison.Ordinal);
        var quiet = await Run("complete-text", prompt, "-m", TinyModel.Path, "--seed", "1", "--json", "-q");
        Assert.Equal("", quiet.Errors);
        using var model = TinyModel.Load();
        Assert.Equal((0, model.CountCutTokens(prompt)), (quiet.Json[0].GetProperty("newTokens").GetInt32(), quiet.Json[0].GetProperty("cutTokens").GetInt32()));
    }

    [Theory]
    [InlineData(2, "'tiny-64' does not complete text: its bundle has no logits of the text", "complete-text", "a cat", "-m", "SILENT")]
    [InlineData(2, "'tiny-64' does not complete text: its bundle has no logits of the text", "generate", "a cat", "--expand", "-m", "SILENT")]
    [InlineData(2, "an argument is empty", "complete-text", "", "-m", "TINY")]
    [InlineData(2, "An empty text cannot be completed", "complete-text", "-m", "TINY", "-q")]
    [InlineData(2, "--texts must be a whole number from 1 to 100000", "complete-text", "a cat", "-n", "100000000", "-m", "TINY")]
    [InlineData(2, "--texts must be a whole number from 1 to 100000", "complete-text", "a cat", "-n", "0", "-m", "TINY")]
    [InlineData(2, "'--guidance' is not an option of complete-text", "complete-text", "a cat", "--guidance", "2", "-m", "TINY")]
    public async Task Mistakes_are_told_with_their_remedy(int exitCode, string message, params string[] arguments)
    {
        var run = await Run([.. arguments.Select(argument => argument switch { "TINY" => TinyModel.Path, "SILENT" => TinyModel.PathWithoutText, _ => argument })]);
        Assert.Contains(message, run.Errors, StringComparison.Ordinal);
        Assert.Equal((exitCode, 0), (run.ExitCode, run.Output.Length));
    }

    [Fact]
    public async Task Expanded_prompts_become_images_of_exactly_what_the_model_completed()
    {
        using var model = TinyModel.Load();
        var run = await Run("generate", "a cat", "-n", "2", "--seed", "7", "--expand", "--candidates", "1", "-m", TinyModel.Path, "-o", "out", "--json");
        Assert.Equal(0, run.ExitCode);
        foreach (var (request, line) in TextCompletionRequest.Series("a cat", 7, 2).Zip(run.Json))
        {
            var text = model.CompleteText(request.Prompt, request.Seed);
            Assert.Equal((text.Text, request.Seed), (line.GetProperty("prompt").GetString(), line.GetProperty("seed").GetUInt64()));
            Assert.Contains("'a cat' became '", run.Errors, StringComparison.Ordinal);
            using var expected = model.GenerateBatch([new GenerationRequest(text.Text, request.Seed) { PromptTokens = text.Tokens }], new GenerationOptions { Candidates = 1 }).Single();
            using var actual = Microsoft.ML.Data.MLImage.CreateFromFile(line.GetProperty("file").GetString()!);
            Assert.Equal(expected.Image.Pixels.ToArray(), actual.Pixels.ToArray());
        }
    }

    private Task<Tool> Run(params string[] arguments) => Tool.RunAsync(_folder.Path, arguments);
}
