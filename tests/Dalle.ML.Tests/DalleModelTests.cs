using Microsoft.ML.Data;

namespace Dalle.ML.Tests;

public sealed class DalleModelTests
{
    private const string Prompt = "a red apple on a blue background";
    private static readonly GenerationOptions Quick = new() { Candidates = 1 };

    [Fact]
    public void Info_tells_what_the_model_is()
    {
        using var model = DalleModel.LoadDefault();
        Assert.Equal(("emoji-128", 128, 128, 16, 16, 4096, 24), (model.Info.Name, model.Info.ImageWidth, model.Info.ImageHeight, model.Info.TokenRows, model.Info.TokenColumns, model.Info.CodebookSize, model.Info.TextLength));
        Assert.True(model.Info is { CanGenerate: true, CanEncode: true, HasClip: true });
        Assert.Equal(8, model.Info.Defaults.Candidates);
        Assert.NotNull(model.Info.License);
    }

    /// <summary>Beside the application, beside the assembly in a host, in the package that the assembly lies in; where it is nowhere, the application's folder is named.</summary>
    [Theory]
    [InlineData("app", "app")]
    [InlineData("packages/dalle.ml/0.1.0/lib/net10.0", "packages/dalle.ml/0.1.0/lib/net10.0")]
    [InlineData("packages/dalle.ml/0.1.0", "packages/dalle.ml/0.1.0")]
    [InlineData(null, "app")]
    public void The_built_in_model_is_found_in_a_host_and_in_a_package(string? placed, string expected)
    {
        using var folder = new TemporaryFolder();
        if (placed is not null)
            Directory.CreateDirectory(Path.Combine(folder.Path, placed, "models", "emoji-128"));
        var found = DalleModel.FindDefault(Path.Combine(folder.Path, "app") + "/", Path.Combine(folder.Path, "packages/dalle.ml/0.1.0/lib/net10.0/Dalle.ML.dll"));
        Assert.Equal(Path.GetFullPath(Path.Combine(folder.Path, expected, "models", "emoji-128")), found);
    }

    public static IEnumerable<TheoryDataRow<bool, int>> ModelsAndCandidates =>
    [
        new(false, 8),
        new(true, 1),
        new TheoryDataRow<bool, int>(true, 8).WithTrait("Category", "Slow"),
    ];

    [Theory]
    [MemberData(nameof(ModelsAndCandidates))]
    public void An_image_is_the_same_alone_in_any_batch_and_in_any_order(bool isBuiltIn, int candidates)
    {
        using var model = isBuiltIn ? DalleModel.LoadDefault() : TinyModel.Load();
        var requests = GenerationRequest.Series(Prompt, 7, 5).Concat(GenerationRequest.Series("three bananas", 8, 4)).ToArray();
        var hot = new GenerationOptions { Candidates = candidates, Sampling = new() { Temperature = 1.5f } };
        var alone = requests.Select(request => Picture(model.Generate(request.Prompt, request.Seed, hot))).ToArray();
        Assert.Equal(alone, model.GenerateBatch(requests, hot).Select(Picture));
        Assert.Equal(alone.Reverse(), model.GenerateBatch([.. requests.Reverse()], hot).Select(Picture));
        Assert.Equal(9, alone.Distinct().Count());
    }

    /// <summary>More prompts than the transformer runs at once, some of them several times.</summary>
    [Theory]
    [InlineData(false, 1, 1f)]
    [InlineData(false, 1, 3f)]
    [InlineData(false, 5, 1.5f)]
    [InlineData(true, 1, 1.5f)]
    public void Different_prompts_in_one_call_come_out_as_if_alone(bool isBuiltIn, int candidates, float guidance)
    {
        using var model = isBuiltIn ? DalleModel.LoadDefault() : TinyModel.Load();
        var requests = Enumerable.Range(0, 14).Append(2).Append(2).Append(0).Select((number, i) => new GenerationRequest($"{number} red apples", (ulong)i)).ToArray();
        var options = new GenerationOptions { Candidates = candidates, Sampling = new() { GuidanceScale = guidance, Temperature = 1.2f } };
        var alone = requests.Select((request, i) => Outcome(model.Generate(request.Prompt, request.Seed, options), i));
        Assert.Equal(alone, model.GenerateBatch(requests, options).Select(image => Outcome(image, image.Index)));

        static (int, string, string, int, float, int) Outcome(GeneratedImage image, int index) =>
            (index, image.Prompt, Picture(image), image.Candidate, image.Score, image.CutTokens);
    }

    [Fact]
    public void The_chosen_candidate_is_generated_again_by_its_own_seed()
    {
        using var model = TinyModel.Load();
        foreach (var best in model.GenerateBatch([.. GenerationRequest.Series(Prompt, 3, 4)]))
        {
            var again = model.Generate(Prompt, best.CandidateSeed, Quick);
            Assert.Equal(best.Tokens, again.Tokens);
            Assert.Equal(best.Score, again.Score);
        }
    }

    [Fact]
    public void More_candidates_never_score_less()
    {
        using var model = TinyModel.Load();
        var scores = new[] { 1, 2, 4, 8, 16 }.Select(candidates => model.Generate(Prompt, 5, new GenerationOptions { Candidates = candidates }).Score).ToArray();
        Assert.Equal(scores.Order(), scores);
        Assert.True(scores[^1] > scores[0]);
    }

    [Fact]
    public void A_fitted_image_is_what_the_encoder_sees()
    {
        using var model = DalleModel.LoadDefault();
        using var image = MLImage.CreateFromPixels(100, 333, MLPixelFormat.Rgba32, Enumerable.Range(0, 100 * 333 * 4).Select(i => i % 4 == 3 ? byte.MaxValue : (byte)(i / 700)).ToArray());
        using var fitted = model.FitImage(image);
        Assert.Equal((model.Info.ImageWidth, model.Info.ImageHeight), (fitted.Width, fitted.Height));
        Assert.Equal(model.EncodeImage(image), model.EncodeImage(fitted));
    }

    [Fact]
    public void A_score_is_the_scaled_cosine_of_the_embeddings()
    {
        using var model = DalleModel.LoadDefault();
        using var image = model.Generate(Prompt, 1, Quick);
        var cosine = model.EmbedText(Prompt).Zip(model.EmbedImage(image.Image), (a, b) => a * b).Sum();
        Assert.Equal(model.Score(Prompt, image.Image), model.Info.ClipScale!.Value * cosine, tolerance: 1e-3);
    }

    [Fact]
    public void Another_seed_gives_another_image()
    {
        using var model = DalleModel.LoadDefault();
        Assert.NotEqual(Picture(model.Generate(Prompt, 1, Quick)), Picture(model.Generate(Prompt, 2, Quick)));
    }

    [Fact]
    public void Greedy_ignores_the_seed()
    {
        using var model = TinyModel.Load();
        var greedy = Quick with { Sampling = new SamplingOptions { TopK = 1 } };
        Assert.Equal(model.Generate(Prompt, 1, greedy).Tokens, model.Generate(Prompt, 2, greedy).Tokens);
    }

    [Fact]
    public void Any_text_is_a_prompt()
    {
        using var model = TinyModel.Load();
        foreach (var prompt in new[] { "", "   \t\n ", "яблоко на синем фоне 🍎 り\0んご", "a lone surrogate " + '\ud800' })
            Assert.Equal(64, model.Generate(prompt, 1, Quick).Tokens.Count);
    }

    [Fact]
    public void A_prompt_beyond_the_models_length_is_cut()
    {
        using var model = TinyModel.Load();
        var long1 = string.Concat(Enumerable.Repeat("a red apple ", 20));
        var long2 = string.Concat(Enumerable.Repeat("a red apple ", 20_000));
        Assert.Equal(model.Generate(long1, 1, Quick).Tokens, model.Generate(long2, 1, Quick).Tokens);
        Assert.Equal(64, model.Generate(new string('x', 200_000), 1, Quick).Tokens.Count);
    }

    [Fact]
    public void Null_prompts_are_refused_at_the_call()
    {
        using var model = TinyModel.Load();
        Assert.Throws<ArgumentException>(() => model.GenerateBatch([new GenerationRequest(null!, 1)]));
        Assert.Throws<ArgumentException>(() => model.GenerateCandidates(new GenerationRequest(null!, 1)));
    }

    [Fact]
    public void Tokens_survive_decoding_and_encoding()
    {
        using var model = DalleModel.LoadDefault();
        using var image = model.Generate("a red heart", 1, Quick);
        using var decoded = model.DecodeTokens([.. image.Tokens]);
        Assert.Equal(image.Image.Pixels, decoded.Pixels);

        // The codebook is not one-to-one, but what it decodes it mostly encodes back.
        var tokens = model.EncodeImage(decoded);
        using var again = model.DecodeTokens(tokens);
        var difference = again.Pixels.ToArray().Zip(decoded.Pixels.ToArray(), (a, b) => Math.Abs(a - b)).Average();
        Assert.InRange(difference, 0, 8);
    }

    [Theory]
    [InlineData(64, 64)]
    [InlineData(640, 64)]
    [InlineData(100, 333)]
    [InlineData(1, 1)]
    public void Images_of_any_size_are_encoded(int width, int height)
    {
        using var model = DalleModel.LoadDefault();
        using var image = MLImage.CreateFromPixels(width, height, MLPixelFormat.Rgba32, Enumerable.Repeat<byte[]>([20, 90, 220, 255], width * height).SelectMany(pixel => pixel).ToArray());
        using var blue = model.DecodeTokens(model.EncodeImage(image));
        var center = blue.Pixels.Slice((32 * 64 + 32) * 4, 4);
        var (red, blueness) = blue.PixelFormat == MLPixelFormat.Bgra32 ? (center[2], center[0]) : (center[0], center[2]);
        Assert.True(blueness > 150 && red < 100);
    }

    [Fact]
    public void Wrong_tokens_are_refused()
    {
        using var model = TinyModel.Load();
        Assert.Throws<ArgumentException>(() => model.DecodeTokens([1, 2, 3]));
        Assert.Throws<ArgumentException>(() => model.DecodeTokens(Enumerable.Repeat(2048, 64).ToArray()));
        Assert.Throws<ArgumentException>(() => model.DecodeTokens(Enumerable.Repeat(-1, 64).ToArray()));
    }

    [Fact]
    public void Cancellation_stops_within_a_token_and_keeps_what_is_finished()
    {
        using var model = TinyModel.Load();
        using var cancellationToken = new CancellationTokenSource();
        var reported = 0;
        var progress = new Immediate(value =>
        {
            reported++;
            if (value is { Image: > 0, Step: 5 })
                cancellationToken.Cancel();
        });

        // More sequences than a batch holds, so that some are finished when the second batch is stopped.
        var finished = new List<GeneratedImage>();
        Assert.ThrowsAny<OperationCanceledException>(() =>
        {
            foreach (var image in model.GenerateBatch([.. GenerationRequest.Series(Prompt, 1, 70)], Quick, progress, cancellationToken.Token))
                finished.Add(image);
        });
        Assert.Equal(64 + 5, reported);
        Assert.Equal(32, finished.Count);
        Assert.Equal(Picture(model.Generate(Prompt, 1, Quick)), Picture(finished[0]));
    }

    [Fact]
    public void Progress_counts_up_to_the_whole()
    {
        using var model = TinyModel.Load();
        var reports = new List<GenerationProgress>();
        _ = model.GenerateBatch([.. GenerationRequest.Series(Prompt, 1, 6)], new GenerationOptions { Candidates = 8 }, new Immediate(reports.Add)).Count();
        Assert.Equal(2 * 64, reports.Count);
        Assert.Equal(reports.Select(report => report.Fraction).Order(), reports.Select(report => report.Fraction));
        Assert.Equal(1, reports[^1].Fraction);
        Assert.Equal((4, 6, 0, 8, 64, 64), (reports[^1].Image, reports[^1].Images, reports[^1].Candidate, reports[^1].Candidates, reports[^1].Step, reports[^1].Steps));
    }

    [Fact]
    public void Threads_do_not_disturb_each_other()
    {
        using var model = TinyModel.Load();
        var requests = GenerationRequest.Series(Prompt, 11, 8).ToArray();
        var expected = requests.Select(request => Picture(model.Generate(request.Prompt, request.Seed, Quick))).ToArray();
        var actual = new string[requests.Length];
        Parallel.For(0, requests.Length, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i =>
        {
            using var own = TinyModel.Load();
            actual[i] = Picture((i % 2 == 0 ? model : own).Generate(requests[i].Prompt, requests[i].Seed, Quick));
        });
        Assert.Equal(expected, actual);
    }

    [Fact]
    public void Models_on_one_bundle_share_an_engine_until_the_last_is_disposed()
    {
        var first = TinyModel.Load();
        var second = TinyModel.Load();
        var picture = Picture(first.Generate(Prompt, 1, Quick));
        first.Dispose();
        first.Dispose();
        Assert.Throws<ObjectDisposedException>(() => first.Generate(Prompt, 1, Quick));
        Assert.Throws<ObjectDisposedException>(() => first.DecodeTokens(new int[64]));
        Assert.Equal(picture, Picture(second.Generate(Prompt, 1, Quick)));
        second.Dispose();
        Assert.Throws<ObjectDisposedException>(() => second.Generate(Prompt, 1, Quick));
    }

    [Fact]
    public void A_model_disposed_under_a_call_lets_it_finish()
    {
        var model = TinyModel.Load();
        using var images = model.GenerateBatch([.. GenerationRequest.Series(Prompt, 1, 3)], Quick).GetEnumerator();
        Assert.True(images.MoveNext());
        model.Dispose();
        Assert.True(images.MoveNext());
        Assert.True(images.MoveNext());
        Assert.False(images.MoveNext());
    }

    [Fact]
    public void A_missing_device_is_a_clear_error()
    {
        if (File.Exists("/dev/nvidia0"))
            Assert.Skip("This machine has a CUDA device.");
        var exception = Assert.Throws<DalleDeviceException>(() => DalleModel.LoadDefault(DalleDevice.Cuda(0)));
        Assert.Contains("Microsoft.ML.OnnxRuntime.Gpu", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cpu", null)]
    [InlineData("cuda", 0)]
    [InlineData("cuda:3", 3)]
    public void Devices_are_read_by_name(string text, int? id) => Assert.Equal(id, DalleDevice.Parse(text).GpuDeviceId);

    [Theory]
    [InlineData("gpu")]
    [InlineData("cuda:")]
    [InlineData("cuda:-1")]
    [InlineData("cuda:x")]
    public void Other_names_are_no_devices(string text) => Assert.Throws<FormatException>(() => DalleDevice.Parse(text));

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
