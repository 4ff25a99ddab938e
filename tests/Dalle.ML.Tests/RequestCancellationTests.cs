namespace Dalle.ML.Tests;

/// <summary>Requests that are cancelled alone, while the others of their call go on.</summary>
public sealed class RequestCancellationTests : IDisposable
{
    private const string Prompt = "a cat";

    private readonly CancellationTokenSource _cancelled = new();

    public void Dispose() => _cancelled.Dispose();

    [Theory]
    [InlineData(1, 1f)]
    [InlineData(1, 3f)]
    [InlineData(5, 1f)]
    [InlineData(5, 3f)]
    public void The_others_come_out_as_if_alone(int candidates, float guidance)
    {
        using var model = TinyModel.Load();
        var options = new GenerationOptions { Candidates = candidates, Sampling = new() { GuidanceScale = guidance } };
        var reported = new List<int>();
        var progress = new Immediate(value =>
        {
            reported.Add(value.Image);
            if (value.Step == 20)
                _cancelled.Cancel();
        });
        var images = model.GenerateBatch(Requests(0, 3), options, progress).ToArray();
        Assert.Equal([1, 2, 4], images.Select(image => image.Index));
        Assert.Equal(Enumerable.Repeat(0, 20).Concat(Enumerable.Repeat(1, 44)), reported);
        foreach (var image in images)
        {
            using var alone = model.Generate(Prompt, (ulong)image.Index, options);
            Assert.Equal((Picture(alone), alone.Candidate, alone.Score), (Picture(image), image.Candidate, image.Score));
        }
    }

    [Fact]
    public void What_is_cancelled_before_it_begins_takes_no_work()
    {
        using var model = TinyModel.Load();
        _cancelled.Cancel();
        var reports = 0;
        Assert.Empty(model.GenerateBatch(Requests(0, 1, 2, 3, 4), new() { Candidates = 2 }, new Immediate(_ => reports++)));
        Assert.Equal(0, reports);
    }

    [Fact]
    public void When_all_are_cancelled_the_call_ends_at_the_next_token()
    {
        using var model = TinyModel.Load();
        var reports = 0;
        var progress = new Immediate(_ =>
        {
            if (++reports == 7)
                _cancelled.Cancel();
        });
        Assert.Empty(model.GenerateBatch(Requests(0, 1, 2, 3, 4), new() { Candidates = 1 }, progress));
        Assert.Equal(7, reports);
    }

    [Fact]
    public void Tokens_of_a_cancelled_request_are_none()
    {
        using var model = TinyModel.Load();
        var progress = new Immediate(value =>
        {
            if (value.Step == 3)
                _cancelled.Cancel();
        });
        var tokens = model.GenerateTokens(Requests(1), new() { Candidates = 2 }, progress).ToArray();
        Assert.Equal([2, 0, 2, 2, 2], tokens.Select(each => each.Count));
        Assert.Equal(model.GenerateTokens([new(Prompt, 4)], new() { Candidates = 2 }).Single(), tokens[4]);
    }

    [Fact]
    public void A_request_that_is_cancelled_between_batches_leaves_its_candidates_behind()
    {
        using var model = TinyModel.Load();
        var progress = new Immediate(value =>
        {
            // The first batch holds 64 of the 200 candidates of the first image.
            if (value is { Candidate: > 0, Step: 1 })
                _cancelled.Cancel();
        });
        var options = new GenerationOptions { Candidates = 200, Sampling = new() { GuidanceScale = 1 } };
        var image = Assert.Single(model.GenerateBatch([Requests(0)[0], new(Prompt, 9)], options, progress));
        Assert.Equal((1, 9ul), (image.Index, image.Seed));
    }

    [Fact]
    public void A_diffusion_model_leaves_it_out_at_the_next_step()
    {
        using var model = DalleModel.Load(TinyUnclip.Path);
        var options = new GenerationOptions { Candidates = 1, Diffusion = new() { PriorSteps = 3, DecoderSteps = 4, UpsamplerSteps = 3 } };
        var steps = 0;
        var progress = new Immediate(value =>
        {
            if (value.Image != 1)
                return;
            steps++;
            if (value is { Stage: 1, Step: 2 })
                _cancelled.Cancel();
        });
        var images = model.GenerateBatch(Requests(1)[..3], options, progress).ToArray();
        Assert.Equal([0, 2], images.Select(image => image.Index));
        Assert.Equal(3 + 2, steps);
        using var alone = model.Generate(Prompt, 2, options);
        Assert.Equal(Picture(alone), Picture(images[1]));
    }

    /// <summary>Five requests, some of which can be cancelled.</summary>
    private GenerationRequest[] Requests(params int[] cancellable) =>
        [.. Enumerable.Range(0, 5).Select(i => new GenerationRequest(Prompt, (ulong)i) { CancellationToken = cancellable.Contains(i) ? _cancelled.Token : default })];

    private static string Picture(GeneratedImage image)
    {
        var hash = Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(image.Image.Pixels));
        GC.KeepAlive(image);
        return hash;
    }

    private sealed class Immediate(Action<GenerationProgress> report) : IProgress<GenerationProgress>
    {
        public void Report(GenerationProgress value) => report(value);
    }
}
